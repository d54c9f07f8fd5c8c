{{ union_of([
  ref('stg_portal__items'),
  ref('stg_tieu_can_portal__items'),
]) }}
