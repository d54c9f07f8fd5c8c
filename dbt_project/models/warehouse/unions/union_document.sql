{{ union_of([
  ref('stg_documents__outgoing'),
]) }}
