-- The last day that each system has told of.
select source.system, max(source.delivered_to) as told_to
from {{ ref('fct_source_freshness') }} as source
join {{ ref('bridge_fact_contract') }} as feeder using (contract)
where feeder.fact = 'dossier'
group by source.system
