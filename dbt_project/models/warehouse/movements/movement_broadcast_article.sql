select
  step.metric,
  article.agency_code,
  null::text as detail,
  article.received_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  article.article_code as row_code,
  article._batch_id,
  article._row_number
from {{ ref('fct_broadcast_article') }} as article
cross join lateral (
  values
    ('broadcast_articles_contributed', 1)
) as step (metric, amount)
where step.amount <> 0
