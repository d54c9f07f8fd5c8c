"""Nobody who logs in owns the ledger, and what people and nights did is written down where it can't be changed."""

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = r"""
-- Who decides, opens builds and keeps what was reported. It owns nothing.
grant usage on schema ledger to kho_operator;
grant select on all tables in schema ledger to kho_operator;
alter default privileges in schema ledger grant select on tables to kho_operator;
grant update (state, reason) on ledger.batch to kho_operator;
grant insert on ledger.batch_event, ledger.model_run, ledger.build_contract, ledger.build_source, ledger.verdict,
  ledger.release_finding, ledger.release_acceptance, ledger.report, ledger.report_figure, ledger.form, ledger.backup
  to kho_operator;
grant insert, update on ledger.build, ledger.build_batch, ledger.release_pin, ledger.lock to kho_operator;
grant delete on ledger.verdict, ledger.release_finding, ledger.hash_key to kho_operator;
-- What was loaded is not judged by who loads it.
revoke update on ledger.batch from kho_loader;

-- Nor does the owner read anything else.
set local role kho_loader;
revoke select on all tables in schema raw, reject from kho_owner;
revoke usage on schema raw, reject from kho_owner;
alter default privileges in schema raw revoke select on tables from kho_owner;
set local role kho_transformer;
revoke select on all tables in schema seed, staging, warehouse, marts from kho_owner;
revoke usage on schema seed, staging, warehouse, marts from kho_owner;
alter default privileges in schema seed revoke select on tables from kho_owner;
alter default privileges in schema staging revoke select on tables from kho_owner;
alter default privileges in schema warehouse revoke select on tables from kho_owner;
set local role kho_owner;

-- What was done, by whom: each row bears the sign of the one before it, so none can be changed or taken out unnoticed.
create table ledger.audit_event (
  event_id bigint primary key,            -- without a gap
  at timestamptz not null,
  actor text not null,                    -- an account of the machine, or of Airflow
  login name not null,                    -- the role of the server that it was done with
  action text not null,
  subject text not null,
  reason text not null,
  sign text not null                      -- sha256 of the sign before it and of this row: kho.ledger.audit
);
grant select on ledger.audit_event to kho_auditor, kho_operator;
revoke update, delete, truncate on ledger.audit_event from kho_owner;

-- The only way in. One at a time, by a lock as kho.ledger.locks has them, until the transaction ends, so no two rows follow the same one.
create function ledger.write_audit_event(actor text, action text, subject text, reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  last ledger.audit_event;
  new ledger.audit_event;
begin
  insert into ledger.lock (name) values ('audit') on conflict do nothing;
  perform from ledger.lock where name = 'audit' for update;
  select * into last from ledger.audit_event order by event_id desc limit 1;
  new.event_id := coalesce(last.event_id, 0) + 1;
  new.at := clock_timestamp();
  new.actor := translate(
    coalesce(nullif(actor, ''), nullif(current_setting('kho.actor', true), ''), session_user), chr(31), ' '
  );
  new.login := session_user;
  new.action := action;
  new.subject := translate(subject, chr(31), ' ');
  new.reason := translate(coalesce(reason, ''), chr(31), ' ');
  new.sign := encode(sha256(convert_to(array_to_string(array[
    coalesce(last.sign, ''), new.event_id::text, (extract(epoch from new.at) * 1000000)::bigint::text,
    new.actor, new.login::text, new.action, new.subject, new.reason
  ], chr(31)), 'UTF8')), 'hex');
  insert into ledger.audit_event select new.*;
end $$;
revoke execute on function ledger.write_audit_event from public;
grant execute on function ledger.write_audit_event to kho_operator;

-- Of a row that tells of an action: which, its columns of who, of what (comma between them) and why.
create function ledger.note_action() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  told jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
  perform ledger.write_audit_event(
    told ->> tg_argv[1],
    tg_argv[0],
    (select string_agg(told ->> name, ' ' order by n) from string_to_table(tg_argv[2], ',') with ordinality as named (name, n)),
    told ->> tg_argv[3]
  );
  return null;
end $$;
revoke execute on function ledger.note_action from public;

create constraint trigger note_accepted after insert on ledger.batch_event deferrable initially deferred
for each row when (new.actor not in ('exports boundary', 'load') and new.to_state = 'accepted') execute function ledger.note_action('batch accepted', 'actor', 'batch_id', 'reason');
create constraint trigger note_held after insert on ledger.batch_event deferrable initially deferred
for each row when (new.actor not in ('exports boundary', 'load') and new.to_state not in ('accepted', 'withdrawn')) execute function ledger.note_action('batch put back', 'actor', 'batch_id,to_state', 'reason');
create constraint trigger note_withdrawn after insert on ledger.batch_event deferrable initially deferred
for each row when (new.actor not in ('exports boundary', 'load') and new.to_state = 'withdrawn') execute function ledger.note_action('batch withdrawn', 'actor', 'batch_id', 'reason');
create constraint trigger note_night after insert on ledger.build deferrable initially deferred
for each row execute function ledger.note_action('night begun', '', 'business_date', '');
create constraint trigger note_published after update on ledger.release deferrable initially deferred
for each row when (new.state = 'in_force' and old.state <> 'in_force') execute function ledger.note_action('release published', '', 'release_id,business_date', '');
create constraint trigger note_refused after update on ledger.release deferrable initially deferred
for each row when (new.state = 'refused' and old.state <> 'refused') execute function ledger.note_action('release refused', '', 'release_id,business_date', 'reason');
create constraint trigger note_accepted after insert on ledger.release_acceptance deferrable initially deferred
for each row execute function ledger.note_action('release accepted', 'accepted_by', 'release_id', 'reason');
create constraint trigger note_pinned after insert on ledger.release_pin deferrable initially deferred
for each row execute function ledger.note_action('release pinned', 'pinned_by', 'release_id', 'reason');
create constraint trigger note_unpinned after update on ledger.release_pin deferrable initially deferred
for each row when (new.unpinned_at is not null and old.unpinned_at is null) execute function ledger.note_action('release unpinned', 'unpinned_by', 'release_id', 'reason');
create constraint trigger note_handed_in after insert on ledger.report deferrable initially deferred
for each row execute function ledger.note_action('report handed in', '', 'scope_agency_code,from_date,to_date,version', 'reported_by');
create constraint trigger note_handed_in after insert on ledger.form deferrable initially deferred
for each row execute function ledger.note_action('form handed in', '', 'form,scope_agency_code,from_date,to_date,version', 'reported_by');
create constraint trigger note_added after insert on ledger.reader deferrable initially deferred
for each row execute function ledger.note_action('reader added', 'added_by', 'role_name,scope_agency_code', '');
create constraint trigger note_removed after delete on ledger.reader deferrable initially deferred
for each row execute function ledger.note_action('reader removed', '', 'role_name,scope_agency_code', '');
create constraint trigger note_made after insert on ledger.backup deferrable initially deferred
for each row execute function ledger.note_action('backed up', '', 'place,name', '');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
