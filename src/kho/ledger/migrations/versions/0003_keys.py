"""Keys are made by one rule, which load and the models call: tables of raw with keys of an older one are rewritten by load."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = """
set local role kho_loader;
-- An array's text quotes its parts and tells what is missing from an empty text: no two arrays share one.
create function raw.key_of(variadic parts text[]) returns uuid language sql stable parallel safe
return md5(parts::text)::uuid;
set local role kho_owner;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
