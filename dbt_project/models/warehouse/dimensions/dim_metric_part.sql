select metric, whole from {{ ref('metric_parts') }}
