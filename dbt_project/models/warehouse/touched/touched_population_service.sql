{{ touched_lists(ref('stg_population__services')) }}
