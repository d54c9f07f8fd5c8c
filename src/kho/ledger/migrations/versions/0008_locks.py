"""Locks of ours are rows that only roles which write may reach: any role may take an advisory lock."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = """
-- A name that one session at a time holds: by a lock on its row, or for as long as the session lasts.
create table ledger.lock (
  name text primary key,
  pid integer,                            -- the session that holds it, or held it last; null: only rows are locked
  session_start timestamptz               -- when that session began: another one may get its pid
);
grant select, insert, update on ledger.lock to kho_loader, kho_transformer;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
