"""Readers of one agency see small counts of others only where they were let."""

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = """
-- Who was let in before sees what it saw.
alter table ledger.reader add sees_small_cells boolean not null default true;
alter table ledger.reader alter sees_small_cells set default false;
comment on column ledger.reader.sees_small_cells is 'of agencies below its own, too';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
