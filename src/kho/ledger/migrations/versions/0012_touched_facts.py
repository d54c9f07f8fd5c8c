"""What a build touched of each fact: rows that are kept from build to build follow it."""

from alembic import op

revision = "0012"
down_revision = "0011"

STATEMENTS = """
-- Keys of rows of a fact that came, went or changed in its last build.
create table ledger.touched_key (
  fact text not null,
  build_id bigint not null,
  key uuid                                -- null: any of its rows may have
);
create index on ledger.touched_key (fact);
grant select, insert, delete on ledger.touched_key to kho_transformer;
grant select on ledger.touched_key to kho_loader, kho_auditor;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
