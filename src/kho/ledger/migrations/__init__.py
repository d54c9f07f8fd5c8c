"""Numbered migrations of the ledger: plain SQL, run as `kho_owner` by `kho.ledger.schema.prepare`.

A migration that has landed is never changed: what is wrong with it is mended by the next one. What it grants on a new
table stands in it too. By Alembic: Airflow brings it along and migrates its own database by it, it works in a
transaction of ours, and it keeps one row of state.
"""
