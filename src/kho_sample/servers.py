"""Servers for the sample exports: a real SFTP server and a real HTTP API, both on loopback.

They serve `<home>/exports/<system>/<entity>/`: whoever drops a file there has handed it over. `python -m
kho_sample.servers` runs both until it is ended; where they listen stands in `<home>/ports.json`, and the connections
to them in `<home>/connections.json`, in the format of Airflow's LocalFilesystemBackend.

The API, with a bearer token:
- `GET /<system>/<entity>`: `{"deliveries": [{"name", "size", "modified", "records"}]}`
  (`records` is null for a file that is broken)
- `GET /<system>/<entity>/<name>?page=1&page_size=1000`: a page of its records. JSON lines come as lines with the
  headers `X-Pages` and `X-Total`; others as `{"items", "page", "pages", "total"}`. The `ETag` changes with the file. A broken file
  comes as it is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets as random_secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

import asyncssh
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kho.contract import contracts
from kho.server import ports
from kho.settings import Settings, settings
from kho_sample.systems import SYSTEMS

USER = "kho"
CONNECTIONS = {f"{system.name}_{how}": how for system in SYSTEMS for how in system.served}
MOST_RECORDS_PER_PAGE = 5000


# The API


def api(settings: Settings) -> Starlette:
    """The HTTP API over the exports folder."""
    token = settings.secret("sample_api")

    def folder(request: Request) -> Path:
        given = request.headers.get("Authorization", "")
        if not random_secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "the bearer token is missing or wrong")
        path = settings.exports / request.path_params["system"] / request.path_params["entity"]
        if ".." in path.parts or not path.is_dir():
            raise HTTPException(404, "no such export")
        return path

    def deliveries(request: Request) -> Response:
        found = []
        for path in sorted(folder(request).iterdir()):
            if path.is_file() and not path.name.startswith("."):
                stat = path.stat()
                records = _records(path, stat.st_size, stat.st_mtime_ns)
                found.append(
                    {
                        "name": path.name,
                        "size": stat.st_size,
                        "modified": datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(),
                        "records": None if records is None else len(records),
                    }
                )
        return JSONResponse({"deliveries": found})

    def page(request: Request) -> Response:
        path = folder(request) / request.path_params["name"]
        if not path.is_file() or path.name.startswith("."):
            raise HTTPException(404, "no such delivery")
        stat = path.stat()
        etag = {"ETag": f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'}
        records = _records(path, stat.st_size, stat.st_mtime_ns)
        if records is None:
            return Response(path.read_bytes(), headers=etag, media_type="application/json")
        try:
            number = int(request.query_params.get("page", 1))
            size = int(request.query_params.get("page_size", MOST_RECORDS_PER_PAGE))
        except ValueError:
            raise HTTPException(400, "page and page_size are numbers") from None
        if not (1 <= size <= MOST_RECORDS_PER_PAGE and number >= 1):
            raise HTTPException(400, f"page starts at 1, page_size is at most {MOST_RECORDS_PER_PAGE}")
        pages = max(1, -(-len(records) // size))
        part = records[(number - 1) * size : number * size]
        if path.suffix == ".jsonl":
            counts = {"X-Pages": str(pages), "X-Total": str(len(records))}
            lines = b"".join(line + b"\n" for line in part)
            return Response(lines, headers=counts | etag, media_type="application/x-ndjson")
        body = {"items": part, "page": number, "pages": pages, "total": len(records)}
        return JSONResponse(body, headers=etag)

    async def refuse(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": error.detail}, error.status_code)

    return Starlette(
        routes=[
            Route("/{system}/{entity}", deliveries),
            Route("/{system}/{entity}/{name}", page),
        ],
        exception_handlers={HTTPException: refuse},
    )


@lru_cache(maxsize=512)
def _records(path: Path, size: int, modified: int) -> list | None:
    """The records of a file: lines as they are (a broken one is served broken), or items; None if it holds none."""
    if path.suffix == ".jsonl":
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    try:
        items = json.loads(path.read_bytes())["items"]
    except (ValueError, KeyError, TypeError):
        return None
    return items if isinstance(items, list) else None


# The SFTP server


def _host_key(settings: Settings) -> asyncssh.SSHKey:
    path = settings.home / "secrets" / "sample_sftp_host_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
        draft.replace(path)
    return asyncssh.read_private_key(path)


class _Door(asyncssh.SSHServer):
    """Lets in one user with one password, and remembers who is inside."""

    def __init__(self, password: str, inside: set[asyncssh.SSHServerConnection]) -> None:
        self._password, self._inside = password, inside

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._inside.add(conn)
        self._conn = conn

    def connection_lost(self, exc: Exception | None) -> None:
        self._inside.discard(self._conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and random_secrets.compare_digest(password.encode(), self._password.encode())


async def _listen_sftp(settings: Settings, inside: set[asyncssh.SSHServerConnection]) -> asyncssh.SSHAcceptor:
    settings.exports.mkdir(parents=True, exist_ok=True)
    return await asyncssh.listen(
        "127.0.0.1",
        ports.take(settings, "sftp"),
        server_factory=partial(_Door, settings.secret("sample_sftp"), inside),
        server_host_keys=[_host_key(settings)],
        sftp_factory=partial(asyncssh.SFTPServer, chroot=str(settings.exports).encode()),
        allow_scp=False,
        reuse_address=True,
    )


# Both


@asynccontextmanager
async def _serving(settings: Settings, app: ASGIApp) -> AsyncIterator[uvicorn.Server]:
    """Both servers listen; the one yielded still wants its `serve` awaited by somebody."""
    # A folder that no system of the sample fills is one that nothing was handed over in yet.
    for contract in contracts(settings).values():
        if contract.server_type == "local":
            (settings.exports / contract.location).mkdir(parents=True, exist_ok=True)
    inside: set[asyncssh.SSHServerConnection] = set()
    sftp = await _listen_sftp(settings, inside)
    http = socket.socket()
    http.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    http.bind(("127.0.0.1", ports.take(settings, "http")))
    http.listen()
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    write_connections(settings)
    serving = asyncio.create_task(server.serve(sockets=[http]))
    try:
        yield server
        await serving
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        sftp.close()
        for connection in list(inside):
            connection.abort()
        await sftp.wait_closed()
        http.close()


def write_connections(settings: Settings) -> None:
    """Say in `connections.json` how to reach the servers; connections of other names stay as they are."""
    host_key = _host_key(settings).export_public_key().decode().strip()
    sftp = {
        "conn_type": "sftp",
        "host": "127.0.0.1",
        "port": settings.port("sftp"),
        "login": USER,
        "password": settings.secret("sample_sftp"),
        "extra_dejson": {"host_key": host_key},
    }
    api = {
        "conn_type": "http",
        "schema": "http",
        "host": "127.0.0.1",
        "port": settings.port("http"),
        "password": settings.secret("sample_api"),
    }
    path = settings.home / "connections.json"
    with ports.locked(settings.home / "connections.lock"):
        known = json.loads(path.read_text() or "{}") if path.exists() else {}
        known |= {name: {"sftp": sftp, "api": api}[how] for name, how in CONNECTIONS.items()}
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(known, indent=2) + "\n")
        draft.replace(path)


@contextmanager
def running(settings: Settings, app: ASGIApp | None = None) -> Iterator[None]:
    """Both servers in a thread of this process. `app` stands in for the API (wrap `api(settings)`)."""
    started = threading.Event()
    stop: list = []
    failure: list[BaseException] = []

    async def serve() -> None:
        done = asyncio.Event()
        async with _serving(settings, app or api(settings)) as server:
            stop.append(partial(asyncio.get_running_loop().call_soon_threadsafe, done.set))
            while not server.started:
                await asyncio.sleep(0.01)
            started.set()
            await done.wait()
            server.should_exit = True

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failure.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="sample servers", daemon=True)
    thread.start()
    started.wait()
    if failure:
        raise failure[0]
    try:
        yield
    finally:
        stop[0]()
        thread.join()


async def _serve(settings: Settings) -> None:
    async with _serving(settings, api(settings)):
        print(
            f"Sample exports of {settings.exports}: SFTP on port {settings.port('sftp')}, "
            f"HTTP on port {settings.port('http')}",
            flush=True,
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(settings()))
