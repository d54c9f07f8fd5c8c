"""Loopback ports: chosen once, remembered in `<home>/ports.json`, chosen anew when something else has taken one."""

from __future__ import annotations

import fcntl
import json
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kho.settings import Settings

# Below Linux's ephemeral range, so that no outgoing connection happens to sit on a remembered port.
_RANGE = range(15_000, 32_000)


def take(settings: Settings, name: str) -> int:
    """The port for `name`: the one remembered if nothing listens on it, else a new free one."""
    with locked(settings.home / "ports.lock"):
        path = settings.home / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if name not in ports or not is_free(ports[name]):
            others = set(ports.values())
            ports[name] = next(
                port for port in random.sample(_RANGE, len(_RANGE)) if port not in others and is_free(port)
            )
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps(ports, indent=2) + "\n")
            draft.rename(path)
        return ports[name]


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: closing connections don't count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; other processes wait for it, and a killed holder lets go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
