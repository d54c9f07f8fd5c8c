"""What Alembic runs: the migrations that are missing, in the transaction of who asked for them."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="migration",
    version_table_schema="ledger",
)
context.run_migrations()
