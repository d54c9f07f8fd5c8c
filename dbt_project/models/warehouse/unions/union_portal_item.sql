{{ union_of([
  ref('stg_portal__items'),
]) }}
