"""By one key people are told apart as long as a warehouse lasts: the ledger knows it when it sees it."""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = """
-- The key that identity numbers are hashed with, by a sign that does not give it away.
create table ledger.hash_key (
  sign text primary key,                  -- HMAC-SHA-256 of a fixed text, by the key
  since timestamptz not null default now()
);
create unique index hash_key_is_one on ledger.hash_key ((true));
grant select, insert on ledger.hash_key to kho_loader;
grant select on ledger.hash_key to kho_auditor;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
