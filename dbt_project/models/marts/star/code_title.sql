select domain, code, ordinal, title from {{ ref('dim_code_title') }}
