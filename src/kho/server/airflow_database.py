"""Airflow's tables and its one user, by two commands of Airflow's in one process: to import it takes either of them seconds."""

from __future__ import annotations

import sys

from airflow.__main__ import main

from kho.server.airflow import USER

COMMANDS = (
    ("db", "migrate"),
    # Asks twice for a password: on its command line everybody on the machine could read it.
    (
        *("users", "create", "--role", "Admin", "--username", USER),
        *("--firstname", "Kho", "--lastname", "Admin", "--email", "admin@localhost"),
    ),
)

if __name__ == "__main__":
    for command in COMMANDS:
        sys.argv[1:] = command
        main()
