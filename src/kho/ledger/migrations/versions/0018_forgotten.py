"""Who is forgotten: a tombstone by which rows are known, without what they say; and the files that they were taken out of."""

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = """
-- A tombstone. Rows of the exports of a system whose column has a text with this sign are somebody's who is forgotten; without a
-- system those of all exports, in any column that is hashed.
create table ledger.forgotten (
  forgotten_id bigint generated always as identity primary key,
  system text not null,                   -- empty: of all
  column_name text not null,              -- empty: any that is hashed
  sign text not null,                     -- HMAC-SHA-256 of the text, by the key that identity numbers are hashed with
  actor text not null,
  reason text not null,
  at timestamptz not null default now(),
  done_at timestamptz,                    -- since when no file, row or table has it; empty: it was not gone through with yet
  unique (system, column_name, sign)
);

-- A row that was taken out of an archived file.
create table ledger.forgotten_row (
  arrival_id bigint not null references ledger.arrival,
  row_number bigint not null,
  was_loaded boolean not null,            -- facts may have been built with it
  at timestamptz not null default clock_timestamp(),
  primary key (arrival_id, row_number)
);

-- Bytes of an arrival that others took the place of, since rows were taken out of them.
create table ledger.rewritten (
  arrival_id bigint not null references ledger.arrival,
  old_sha256 text not null,
  new_sha256 text not null,
  at timestamptz not null default clock_timestamp(),
  removed_at timestamptz,                 -- since when the archive does not have the old ones
  primary key (arrival_id, old_sha256)
);

grant select on ledger.forgotten, ledger.forgotten_row, ledger.rewritten to kho_loader, kho_transformer, kho_auditor, kho_operator;
grant insert, update (done_at) on ledger.forgotten to kho_operator;
grant insert on ledger.forgotten_row, ledger.rewritten to kho_loader;
grant update (was_loaded) on ledger.forgotten_row to kho_loader;
grant update (removed_at) on ledger.rewritten to kho_loader;
grant update (sha256, size_bytes) on ledger.arrival to kho_loader;
grant update (rows_loaded, rows_rejected, rows_skipped, profile) on ledger.batch to kho_loader;

create constraint trigger note_forgotten after insert on ledger.forgotten deferrable initially deferred
for each row execute function ledger.note_action('somebody forgotten', 'actor', 'forgotten_id,system,column_name', 'reason');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
