{{ union_of([
  ref('stg_portal__traffic'),
  ref('stg_tieu_can_portal__traffic'),
]) }}
