{{ union_of([
  ref('stg_one_stop__dossiers'),
  ref('stg_igate__dossiers'),
]) }}
