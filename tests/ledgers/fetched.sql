-- The warehouse's schemas, grants and ledger. Every statement may run again.
-- Owner: kho_owner. Loader writes raw, reject and the ledger's load tables; transformer owns what dbt builds.

grant kho_owner, kho_loader, kho_transformer to current_user;
grant pg_read_all_stats to kho_transformer with inherit true;  -- publishing waits for readers' old snapshots
create schema if not exists ledger authorization kho_owner;
create schema if not exists raw authorization kho_loader;
create schema if not exists reject authorization kho_loader;
create schema if not exists seed authorization kho_transformer;
create schema if not exists staging authorization kho_transformer;
create schema if not exists warehouse authorization kho_transformer;
create schema if not exists marts authorization kho_transformer;
revoke all on schema public from public;
do $$ begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to kho_owner, kho_loader, kho_transformer, kho_auditor, bi_reader', current_database());
  execute format('grant temporary on database %I to kho_loader, kho_transformer', current_database());
  execute format('grant create on database %I to kho_transformer', current_database());  -- a schema per release
end $$;

set local role kho_owner;

-- A contract version as it was when batches were loaded by it.
create table if not exists ledger.contract (
  contract text not null,                 -- <system>.<entity>
  version text not null,
  fingerprint text not null,              -- sha256 of the file
  body text not null,
  first_used_at timestamptz not null default now(),
  primary key (contract, version, fingerprint)
);

-- That a source handed over a file by this name for this date.
create table if not exists ledger.delivery (
  delivery_id bigint generated always as identity primary key,
  contract text not null,
  name text not null,
  business_date date not null,
  unique (contract, name, business_date)
);

-- The bytes of a delivery, each time they differ from what was there before.
create table if not exists ledger.arrival (
  arrival_id bigint generated always as identity primary key,
  delivery_id bigint not null references ledger.delivery,
  sha256 text not null,
  size_bytes bigint not null,
  source_modified_at timestamptz,         -- what the source's listing said, to spare a second download
  source_size bigint,
  control_rows bigint,                    -- the row count the source announced, if it did
  arrived_at timestamptz not null default now()
);
create index if not exists arrival_delivery on ledger.arrival (delivery_id, arrival_id);

-- One load of one arrival under one contract version.
create table if not exists ledger.batch (
  batch_id bigint generated always as identity primary key,
  arrival_id bigint not null references ledger.arrival,
  delivery_id bigint not null references ledger.delivery,
  contract text not null,
  contract_version text not null,
  contract_fingerprint text not null,
  business_date date not null,
  state text not null check (state in ('pending', 'accepted', 'held', 'withdrawn', 'unreadable')),
  reason text,                            -- why it is in this state, for a person
  rows_in_file bigint not null,
  rows_loaded bigint not null,
  rows_rejected bigint not null,
  rows_skipped bigint not null,
  profile jsonb not null,                 -- see kho.load: what the load pass saw
  loaded_at timestamptz not null default now(),
  constraint nothing_lost check (rows_in_file = rows_loaded + rows_rejected + rows_skipped)
);
create unique index if not exists batch_in_force on ledger.batch (delivery_id) where state = 'accepted';
create index if not exists batch_contract on ledger.batch (contract, business_date);
create index if not exists batch_arrival on ledger.batch (arrival_id);

-- Every change of a batch's state: by a boundary or by a person, with the reason.
create table if not exists ledger.batch_event (
  event_id bigint generated always as identity primary key,
  batch_id bigint not null references ledger.batch,
  from_state text,
  to_state text not null,
  actor text not null,
  reason text,
  at timestamptz not null default now()
);

-- A delivery that could not be fetched: what went wrong, when.
create table if not exists ledger.fetch_failure (
  failure_id bigint generated always as identity primary key,
  contract text not null,
  name text,
  business_date date not null,            -- of the night
  reason text not null,
  at timestamptz not null default now()
);

-- One build of the warehouse and marts: its input is frozen when it is opened.
create table if not exists ledger.build (
  build_id bigint generated always as identity primary key,
  business_date date not null,
  state text not null check (state in ('open', 'built', 'abandoned')),  -- built: the whole warehouse succeeded
  is_full_refresh boolean not null default false,
  model_fingerprint text,                 -- of dbt's models and seeds: a change means a full refresh
  opened_at timestamptz not null default now(),
  closed_at timestamptz
);
create unique index if not exists one_open_build on ledger.build (state) where state = 'open';

-- Which batches builds read: entered with from_build, gone since to_build.
create table if not exists ledger.build_batch (
  batch_id bigint not null references ledger.batch,
  from_build bigint not null references ledger.build,
  to_build bigint references ledger.build,
  primary key (batch_id, from_build)
);

-- How fresh each contract's data is in a build.
create table if not exists ledger.build_source (
  build_id bigint not null references ledger.build,
  contract text not null,
  as_of date,                             -- complete up to and with this date; null: nothing delivered yet
  expected_as_of date,                    -- what as_of should be at the business date, by the contract's frequency
  state text not null check (state in ('fresh', 'stale', 'not_delivered')),
  stale_since date,                       -- date of the first held or missing delivery
  reason text,
  rows_in_file bigint not null,
  rows_loaded bigint not null,
  rows_rejected bigint not null,
  rows_skipped bigint not null,
  primary key (build_id, contract)
);

-- What dbt reads: the batches of the newest build, and whether they must be (re)computed.
create or replace view ledger.build_input as
with current_build as (
  select max(build_id) as build_id from ledger.build
), last_built as (
  select coalesce(max(build_id), 0) as build_id from ledger.build
  where state = 'built' and build_id < (select build_id from current_build)
)
select
  b.batch_id, b.contract, b.business_date,
  -- An arrival may replace another of the same delivery: later arrivals come last.
  b.arrival_id,
  -- A batch that went and came back has two rows here.
  bool_or(bb.to_build is null) as is_in_force,
  coalesce(bool_or(bb.from_build > l.build_id or bb.to_build > l.build_id), false) as is_touched
from ledger.build_batch bb
join ledger.batch b using (batch_id)
cross join last_built l
where bb.to_build is null or bb.to_build > l.build_id
group by b.batch_id;

-- Per-model record of dbt's runs.
create table if not exists ledger.model_run (
  build_id bigint not null references ledger.build,
  layer text not null,
  model text not null,
  status text not null,
  rows_affected bigint,
  seconds double precision,
  message text,
  ended_at timestamptz not null default now()
);

-- Every verdict of a boundary.
create table if not exists ledger.verdict (
  verdict_id bigint generated always as identity primary key,
  boundary text not null check (boundary in ('exports', 'marts')),
  build_id bigint references ledger.build,       -- marts boundary
  batch_id bigint references ledger.batch,       -- exports boundary
  business_date date not null,                   -- of the night
  subject text not null,                         -- contract or mart
  expectation text not null,
  severity text not null check (severity in ('critical', 'warning', 'info')),
  outcome text not null check (outcome in ('passed', 'failed', 'skipped')),
  observed text,
  message text,
  at timestamptz not null default now()
);
create index if not exists verdict_batch on ledger.verdict (batch_id);
create index if not exists verdict_build on ledger.verdict (build_id);

-- A release is a numbered schema of marts. At most one is in force.
create table if not exists ledger.release (
  release_id bigint generated always as identity primary key,
  build_id bigint not null references ledger.build,
  schema_name text not null,
  business_date date not null,
  state text not null check (state in ('candidate', 'refused', 'in_force', 'kept', 'dropped')),
  reason text,
  created_at timestamptz not null default now(),
  published_at timestamptz
);
create unique index if not exists one_release_in_force on ledger.release (state) where state = 'in_force';

grant usage on schema ledger to kho_loader, kho_transformer, kho_auditor;
grant select on all tables in schema ledger to kho_loader, kho_transformer, kho_auditor;
grant insert on ledger.contract, ledger.delivery, ledger.arrival, ledger.batch, ledger.batch_event, ledger.fetch_failure to kho_loader;
grant update (state, reason) on ledger.batch to kho_loader;
grant update (source_size, source_modified_at) on ledger.arrival to kho_loader;
grant insert, update on ledger.release to kho_transformer;  -- in one transaction with the views
grant usage on all sequences in schema ledger to kho_loader;
reset role;

set local role kho_loader;
create table if not exists reject.rejected_row (
  batch_id bigint not null,
  row_number bigint not null,             -- 1 is the first row after the header
  byte_offset bigint,                     -- where the row starts in the archived file; null where a format has none
  reasons text[] not null,                -- '<column>: <problem>', every one
  row_text text,                          -- personal data masked; a ragged row is masked whole
  primary key (batch_id, row_number)
);
grant usage on schema raw, reject to kho_transformer, kho_auditor, kho_owner;
grant select on all tables in schema reject to kho_auditor, kho_owner;
grant select on all tables in schema raw to kho_transformer, kho_auditor, kho_owner;
alter default privileges in schema raw grant select on tables to kho_transformer, kho_auditor, kho_owner;
reset role;

set local role kho_transformer;
grant usage on schema seed, staging, warehouse to kho_auditor, kho_owner;
grant usage on schema marts to bi_reader, kho_auditor, kho_owner;
alter default privileges in schema staging grant select on tables to kho_auditor, kho_owner;
alter default privileges in schema seed grant select on tables to kho_auditor, kho_owner;
alter default privileges in schema warehouse grant select on tables to kho_auditor, kho_owner;
reset role;
