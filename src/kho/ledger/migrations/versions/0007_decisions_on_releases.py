"""People decide on releases: which one readers keep, and that figures may go which a release in force has."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = """
-- A release that was gone back to. Until it is unpinned, nights publish nothing.
create table ledger.release_pin (
  pin_id bigint generated always as identity primary key,
  release_id bigint not null references ledger.release,
  pinned_by text not null,
  reason text not null,
  pinned_at timestamptz not null default now(),
  unpinned_by text,
  unpinned_at timestamptz,
  check ((unpinned_by is null) = (unpinned_at is null))
);
create unique index one_pin on ledger.release_pin ((unpinned_at is null)) where unpinned_at is null;

-- What critical rules that compare with the release in force found in a release: a row each, all of them.
create table ledger.release_finding (
  release_id bigint not null references ledger.release,
  compared_with bigint not null references ledger.release,
  mart text not null,
  expectation text not null,
  finding text not null                   -- the row that the rule found, as JSON
);
create index release_finding_release on ledger.release_finding (release_id);

-- That a person lets the findings of a refused release pass, in every release that is compared with the same one.
create table ledger.release_acceptance (
  release_id bigint primary key references ledger.release,
  accepted_by text not null,
  reason text not null,
  accepted_at timestamptz not null default now()
);

alter table ledger.verdict drop constraint verdict_outcome_check;
alter table ledger.verdict add constraint verdict_outcome_check
  check (outcome in ('passed', 'failed', 'skipped', 'accepted'));

grant select on ledger.release_pin, ledger.release_finding, ledger.release_acceptance
  to kho_loader, kho_transformer, kho_auditor;
grant insert, update on ledger.release_pin to kho_transformer;  -- in one transaction with the views
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
