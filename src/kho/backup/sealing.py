"""Sealing: what is written for a public key can be read by who has the private one, and by nobody else. The format is age's."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kho.backup.place import BackupError

if TYPE_CHECKING:
    from pyrage import x25519


def new_key(path: Path) -> str:
    """Write a new private key to a file that must not be there; gives its public key."""
    from pyrage import x25519

    key = x25519.Identity.generate()
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f"# public key: {key.to_public()}\n{key}\n")
    return str(key.to_public())


def public_key(text: str) -> x25519.Recipient:
    """The key that backups are sealed for. Raises `BackupError` where the text is none."""
    import pyrage

    if not text:
        raise BackupError(
            "a backup is sealed for a key, and none is set: `kho backup key FILE` makes one, and prints the line for"
            " config.toml. Keep FILE away from this machine: without it nothing can be restored"
        )
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupError(
            f"backup_recipient is no public key ({error}): it begins with age1, as `kho backup key` prints it"
        ) from None


def private_key(path: Path) -> x25519.Identity:
    """The key of a file that `kho backup key` wrote, or age-keygen. Raises `BackupError` where it holds none."""
    import pyrage

    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        (key,) = (line for line in lines if line and not line.startswith("#"))
        return pyrage.x25519.Identity.from_str(key)
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, pyrage.IdentityError):
        raise BackupError(
            f"{path} holds no private key: it is the file that `kho backup key` wrote"
        ) from None


def seal(source: IO[bytes], target: Any, key: x25519.Recipient) -> None:
    """Write what the source holds, sealed."""
    import pyrage

    pyrage.encrypt_io(source, target, [key])


def unseal(source: Any, target: IO[bytes], key: x25519.Identity, what: str) -> None:
    """Write what the sealed source holds. Raises `BackupError` where it is damaged, or sealed for another key."""
    import pyrage

    try:
        pyrage.decrypt_io(source, target, [key])
    except pyrage.DecryptError:
        raise BackupError(f"{what} is sealed for another key than this one") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise BackupError(f"{what} is damaged: it can't be unsealed") from None
