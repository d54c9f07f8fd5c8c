"""Backups: when each was made, and where."""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = """
-- A backup that is whole. What is in it tells its own manifest; none tells of itself, for it was not whole yet.
create table ledger.backup (
  backup_id bigint generated always as identity primary key,
  place text not null,                    -- a folder, or a prefix of a bucket
  name text not null,                     -- of its folder there
  made_at timestamptz not null default now(),
  size_bytes bigint not null,             -- what it took anew: files that were there already are none of it
  files_lost bigint not null              -- of the archive, that were damaged or not there
);
grant select on ledger.backup to kho_auditor;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
