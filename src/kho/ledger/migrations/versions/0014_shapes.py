"""Rejected rows show how a text looks that may be somebody's, and not the text."""

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = r"""
set local role kho_loader;
-- How a text looks: `2 words, 9 letters`, as kho.contract.telling.shape has it. Letters are what is neither a digit nor a
-- sign of ASCII, by whatever collation.
create function raw.shape(told text) returns text language sql immutable parallel safe
return (
  select concat_ws(
    ', ',
    case when words > 1 then words || ' words' end,
    concat_ws(
      ' ',
      case when letters > 0 then letters || case when letters = 1 then ' letter' else ' letters' end end,
      case when digits > 0 then digits || case when digits = 1 then ' digit' else ' digits' end end,
      case when signs > 0 then signs || case when signs = 1 then ' sign' else ' signs' end end
    )
  )
  from (
    select
      cardinality(regexp_split_to_array(btrim(told), '\s+')) as words,
      length(regexp_replace(told, '[\s!-@\[-`{-~]', '', 'g')) as letters,
      length(regexp_replace(told, '[^0-9]', '', 'g')) as digits,
      length(regexp_replace(told, '[^!-/:-@\[-`{-~]', '', 'g')) as signs
  ) as counted
);

-- Whether a text may name somebody: two words or more, an address of mail, or as many digits as an identity number or a
-- phone has.
create function raw.may_be_personal(told text) returns boolean language sql immutable parallel safe
return
  told ~ '[^\s!-@\[-`{-~].*\s.*[^\s!-@\[-`{-~]'
  or told like '%@%'
  or told ~ '[0-9]{9}'
  or told ~ '^\+?[0-9]([ .-]?[0-9]){8,11}$';
set local role kho_owner;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
