"""The fault matrix: what strikes a night under the real Airflow, at each of its steps, and what is left of it afterwards."""
