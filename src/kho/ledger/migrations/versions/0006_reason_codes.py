"""Why a source is not fresh is told to readers of marts by a code: the words are the operator's."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = """
alter table ledger.build_source add column reason_code text;
comment on column ledger.build_source.reason_code is 'what the reason begins with: see kho.ledger.freshness';
update ledger.build_source set reason_code = coalesce(
  replace(substring(reason from '^(not loaded|pending|held|unreadable|withdrawn)(?=:|$)'), ' ', '_'), 'not_delivered')
where reason is not null;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
