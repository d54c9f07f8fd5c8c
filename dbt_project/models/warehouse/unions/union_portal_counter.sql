{{ union_of([
  ref('stg_portal__counters'),
  ref('stg_tieu_can_portal__counters'),
]) }}
