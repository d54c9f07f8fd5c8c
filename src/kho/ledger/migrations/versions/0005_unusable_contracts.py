"""A source may be in the state that its contract can't be used."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = """
alter table ledger.build_source
  drop constraint build_source_state_check,
  add constraint build_source_state_check check (state in ('fresh', 'stale', 'not_delivered', 'unusable'));
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
