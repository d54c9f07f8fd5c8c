"""Backups: everything that can't be fetched again or computed anew, sealed for one key; and the way back.

A backup is a folder below its place. The archive's files stand beside all backups, each once, by the hash of what came:

    archive/<key>/ab/<sha256>.zst.age
    backups/<UTC moment>/manifest.json, warehouse.dump.age, home.tar.age, a dump for Airflow and for Superset

Everything but the manifest is sealed by age for a public key: who takes backups, or keeps
them, can't read them. The manifest is written last: without it a folder is no backup.
"""

from kho.backup.making import back_up
from kho.backup.place import BackupError
from kho.backup.restoring import check, mend, remove_abandoned, restore
from kho.backup.sealing import new_key

__all__ = ["BackupError", "back_up", "check", "mend", "new_key", "remove_abandoned", "restore"]
