"""What was withdrawn may go after a time: an arrival says since when its rows and its file are not there any more."""

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS = """
alter table ledger.arrival
  add column rows_removed_at timestamptz, -- since when raw and rejects have nothing of it, by a rule of retention
  add column file_removed_at timestamptz; -- since when the archive does not have its bytes
grant update (rows_removed_at, file_removed_at) on ledger.arrival to kho_loader;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
