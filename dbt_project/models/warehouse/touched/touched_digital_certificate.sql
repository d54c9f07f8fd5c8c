{{ touched_lists(ref('stg_certificates__register')) }}
