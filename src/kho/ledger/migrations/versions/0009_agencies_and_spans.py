"""Agencies are the same in either layout of their codes, also in keys. A delivery may tell of more than its day: a dump of
the time before, whose first day its name or its contract gives."""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = r"""
set local role kho_loader;
-- One code of an agency, root first (H51.12.21), without parts of zeros: leaf first it is 000.21.12.H51. Null for nothing.
create function raw.agency_code(code text) returns text language sql immutable parallel safe
return nullif(regexp_replace(
  case when code ~ '^[A-Z]' then code
  else split_part(code, '.', -1) || '.' || split_part(code, '.', -2) || '.' || split_part(code, '.', -3) || '.'
    || split_part(code, '.', -4) end,
  '\.0*(?=\.|$)', '', 'g'), '');
set local role kho_owner;

-- First day that it tells of, by its name or its contract; null: as its contract's frequency has it.
alter table ledger.build_batch add column covers_from date;

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
  (array_agg(bb.list_unit order by bb.from_build desc))[1] as list_unit,
  (array_agg(bb.covers_from order by bb.from_build desc))[1] as covers_from
from ledger.build_batch bb
join ledger.batch b using (batch_id)
cross join last_built l
where bb.to_build is null or bb.to_build > l.build_id
group by b.batch_id;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
