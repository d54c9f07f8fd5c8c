"""The operator's console: what waits for a person, decided on in Airflow's own pages.

`plugin` is what Airflow loads, in each of its processes; all else is imported at the first request.
"""
