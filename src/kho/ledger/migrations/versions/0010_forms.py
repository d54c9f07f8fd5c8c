"""Statutory forms are kept as they were handed in, as reports are."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = """
-- A statutory form as it was handed in. Handed in again with other numbers, it is the next version.
create table ledger.form (
  form_id bigint generated always as identity primary key,
  form text not null,                     -- II.06
  scope_agency_code text not null,
  from_date date not null,
  to_date date not null,
  version integer not null check (version > 0),
  parameter_set text not null,            -- that it was counted by
  release_id bigint not null references ledger.release,
  reported_by text not null,              -- a position, never a name
  reported_at timestamptz not null,
  content jsonb not null,                 -- the whole, to print it again: kho.forms.form.Form
  unique (form, scope_agency_code, from_date, to_date, version)
);
grant select on ledger.form to kho_auditor;
-- What was handed in stays as it was, also for its owner.
revoke update, delete, truncate on ledger.form from kho_owner;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
