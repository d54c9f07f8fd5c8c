select channel, channel_name from {{ ref('dim_channel') }}
union all
select '', {{ unknown_title() }}
