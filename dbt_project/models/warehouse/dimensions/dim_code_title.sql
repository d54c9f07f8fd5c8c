select domain, code, ordinal, title from {{ ref('code_titles') }}
