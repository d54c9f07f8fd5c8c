"""The sample servers as a program that `kho up` starts, once `kho sample` has written exports for them to serve."""

from __future__ import annotations

from pathlib import Path

from kho.server.programs import Program
from kho.settings import Settings


def mark(settings: Settings) -> Path:
    """The file by which `kho sample` says that the exports are a sample, to be served by the sample servers."""
    return settings.exports / ".sample"


SERVERS = Program(
    title="the sample sources",
    module="kho_sample.servers",
    ports=("sftp", "http"),
    is_wanted=lambda settings: mark(settings).exists(),
)
