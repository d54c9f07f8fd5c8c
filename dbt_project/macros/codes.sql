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

{# The number in `012 / UBND-VP`, or in `12-CV/HU` as the Party writes it: registers have number and symbol as one. The symbol
   is what follows the first stroke or hyphen: UBND-VP, CV/HU. #}
{% macro number_in(code) -%}
  {%- set number -%} substring({{ code }} from '^\s*(\d+[[:alpha:]]?)\s*[/–—‐‑−-]') {%- endset -%}
  {{ folded_number(number) }}
{%- endmacro %}

{% macro symbol_in(code) -%}
  {%- set symbol -%} substring({{ code }} from '^\s*\d+[[:alpha:]]?\s*[/–—‐‑−-](.*)$') {%- endset -%}
  {{ folded_symbol(symbol) }}
{%- endmacro %}

{# Joins what a raw code of a system means, as `<name>.code`; null when unmapped: it is never guessed. #}
{% macro join_mapping(name, domain, system, raw_code) -%}
  left join {{ ref('code_mappings') }} as {{ name }}
    on {{ name }}.domain = '{{ domain }}' and {{ name }}.system = '{{ system }}' and {{ name }}.raw_code = {{ raw_code }}
{%- endmacro %}

{# Joins the kind of a document, as `kind`. A copy has a symbol of its own (SY-UBND), also where the register names the type of
   what was copied (NĐ 30/2020, Art. 25 to 27). #}
{% macro join_document_kind(document) -%}
  left join {{ ref('dim_document_type') }} as copied
    on copied.is_copy and upper(copied.abbreviation) = split_part({{ document }}.document_symbol, '-', 1)
  left join {{ ref('dim_document_type') }} as kind
    on kind.document_type = coalesce(copied.document_type, {{ document }}.document_type)
{%- endmacro %}
