"""Sample files from where they are: files, folders, patterns, and what a web address gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from kho_propose.detect import CannotPropose

TIMEOUT_SECONDS = 60
MOST_BYTES = 256_000_000
_UNFINISHED = re.compile(r"\..*|.*\.(part|tmp|filepart)|~\$.*")


def gather(sources: Sequence[str], folder: Path) -> list[Path]:
    """The files behind paths, folders, patterns and http(s) addresses; those of the web are put into `folder`.

    Raises `CannotPropose` when one of them leads to nothing.
    """
    found: list[Path] = []
    for source in sources:
        if "://" in source:
            found.append(_download(source, folder))
        else:
            found += _files(source)
    return list(dict.fromkeys(found))


def _files(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_file():
        return [path, *_control(path)]
    inside = path.iterdir() if path.is_dir() else _matching(path)
    files = sorted(each for each in inside if each.is_file() and not _UNFINISHED.fullmatch(each.name))
    if not files:
        raise CannotPropose(
            f"{source}: there is no such file, and no file in it: give a file, a folder, a pattern or a URL"
        )
    return files


def _matching(pattern: Path) -> Iterator[Path]:
    fixed = next((n for n, part in enumerate(pattern.parts) if re.search(r"[*?\[]", part)), None)
    return (
        Path(*pattern.parts[:fixed]).glob("/".join(pattern.parts[fixed:])) if fixed is not None else iter(())
    )


def _control(path: Path) -> list[Path]:
    """The file beside an export that says how many rows it holds."""
    beside = path.with_name(f"{path.name}.ctl")
    return [beside] if beside.is_file() else []


def _download(url: str, folder: Path) -> Path:
    parts, shown = urlsplit(url), without_secrets(url)
    if parts.scheme not in ("http", "https"):
        raise CannotPropose(
            f"{shown}: only http(s) addresses are read here: fetch the file yourself and give its path"
        )
    try:
        # This machine is never reached through a proxy of the environment.
        mounts = {"all://127.0.0.1": httpx.HTTPTransport(), "all://localhost": httpx.HTTPTransport()}
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True, mounts=mounts) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise CannotPropose(
                    f"{shown} answers {answer.status_code}: is the address right, does it need a login?"
                )
            path = folder / _name(answer, parts.path)
            size = 0
            with path.open("wb") as file:
                for chunk in answer.iter_bytes():
                    size += len(chunk)
                    if size > MOST_BYTES:
                        raise CannotPropose(
                            f"{shown} gives more than {MOST_BYTES // 1_000_000} MB: take a smaller sample"
                        )
                    file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CannotPropose(f"{shown} does not answer ({type(error).__name__}): is the server up?") from None
    return path


def without_secrets(url: str) -> str:
    """The address without login and query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _name(answer: httpx.Response, path: str) -> str:
    """The file's name as the server says it, or as its address ends."""
    told = re.search(r'filename="?([^";]+)"?', answer.headers.get("content-disposition", ""))
    name = PurePosixPath(told[1] if told else unquote(path)).name
    return re.sub(r"[^\w.\- ]", "_", name).lstrip(".") or "sample"
