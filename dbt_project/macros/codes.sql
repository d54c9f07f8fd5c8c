{# Root-first code of an agency: `000.21.12.H51` and `H51.12.21` both become `H51.12.21`; all-zero parts go. Keys of raw rows are
   made of it too, where the contract calls a column an agency's code. #}
{% macro canonical_agency_code(column) -%}
  raw.agency_code({{ column }})
{%- endmacro %}

{# `1.004946.000.00.00.H51` and `1.004946` are one procedure. #}
{% macro procedure_head(column) -%}
  left({{ column }}, 8)
{%- endmacro %}

{# `012` is number 12: leading zeros go, a letter stays. #}
{% macro folded_number(column) -%}
  lower(ltrim(btrim({{ column }}), '0'))
{%- endmacro %}

{# One spelling of a symbol: `QÐ-UBND` (with U+00D0), `qđ - ubnd` and `QĐ–UBND` are one. #}
{% macro folded_symbol(column) -%}
  upper(translate(regexp_replace(normalize({{ column }}, nfc), '[\s\u00A0\u200B]', '', 'g'), 'Ððđ–—‐‑−', 'ĐĐĐ-----'))
{%- endmacro %}

{# Number and symbol are unique per agency and year (NĐ 30/2020 Art. 15), whatever system a document came through, and
   whether it writes nothing or an empty text for what is missing. #}
{% macro document_key(agency_code, issued_date, number, symbol) -%}
  {{ document_key_of_year(agency_code, 'extract(year from ' ~ issued_date ~ ')::integer', number, symbol) }}
{%- endmacro %}

{% macro document_key_of_year(agency_code, issued_year, number, symbol) -%}
  {{ hash_key(["coalesce(" ~ agency_code ~ ", '')", issued_year, "coalesce(" ~ number ~ ", '')", "coalesce(" ~ symbol ~ ", '')"]) }}
{%- endmacro %}

{# The number in `012 / UBND-VP`, which registers write as one; the symbol is what follows the first stroke. #}
{% macro number_in(code) -%}
  {{ folded_number("split_part(" ~ code ~ ", '/', 1)") }}
{%- endmacro %}

{% macro symbol_in(code) -%}
  {{ folded_symbol("substring(" ~ code ~ " from '/(.*)$')") }}
{%- endmacro %}

{# Joins what a raw code of a system means, as `<name>.code`; null when unmapped: it is never guessed. #}
{% macro join_mapping(name, domain, system, raw_code) -%}
  left join {{ ref('code_mappings') }} as {{ name }}
    on {{ name }}.domain = '{{ domain }}' and {{ name }}.system = '{{ system }}' and {{ name }}.raw_code = {{ raw_code }}
{%- endmacro %}
