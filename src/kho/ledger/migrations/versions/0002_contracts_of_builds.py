"""What a build knows of contracts is frozen with it: how they are handed over, and whose list each batch is."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = """
-- Whose whole list it is, by the delivery's name as its contract reads it; empty: one list for all, or no list.
alter table ledger.build_batch add column list_unit text not null default '';

-- The contracts as they were when a build was opened.
create table ledger.build_contract (
  build_id bigint not null references ledger.build,
  contract text not null,                 -- <system>.<entity>
  system text not null,
  title text not null,
  frequency text,                         -- d, m, q; null: nothing is ever expected
  end_of_life date,                       -- last day that anything is handed over; null: it goes on
  is_full_list boolean not null,          -- a delivery is a whole list, not what changed
  is_list_per_unit boolean not null,      -- of one unit, which its name tells
  primary key (build_id, contract)
);
grant select on ledger.build_contract to kho_loader, kho_transformer, kho_auditor;

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
  coalesce(bool_or(bb.from_build > l.build_id or bb.to_build > l.build_id), false) as is_touched,
  (array_agg(bb.list_unit order by bb.from_build desc))[1] as list_unit
from ledger.build_batch bb
join ledger.batch b using (batch_id)
cross join last_built l
where bb.to_build is null or bb.to_build > l.build_id
group by b.batch_id;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
