{{ union_of([
  ref('stg_documents__outgoing'),
  ref('stg_idesk__outgoing'),
  ref('stg_moffice__outgoing'),
]) }}
