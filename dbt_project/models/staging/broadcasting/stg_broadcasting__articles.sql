select
  _key as article_key,
  article.article_code,
  {{ canonical_agency_code('article.agency_code') }} as agency_code,
  {{ canonical_agency_code('article.contributor_code') }} as contributor_code,
  article.received_date,
  article.is_broadcast,
  {{ version_columns() }}
from (
  {{ input_rows('broadcasting.articles') }}
) as article
