"""Readers of one agency each: what a login role sees is a row of the ledger."""

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = """
-- A login role that sees of the marts what its agency has. No row: it sees nothing of any agency.
create table ledger.reader (
  role_name name primary key,
  scope_agency_code text not null,        -- it and what is below it
  added_at timestamptz not null default now(),
  added_by text not null                  -- the operator
);
grant select on ledger.reader to kho_transformer, kho_auditor;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
