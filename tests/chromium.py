"""A page in Chromium: what it says on its console, and what it looks like."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")


class Page:
    """The one page of a browser, driven by its debugging protocol."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._last = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **given: Any) -> Any:
        """The browser's answer; what it tells meanwhile is heard."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": given}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") == self._last:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return told["result"]
            self._hear(told)

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of a script."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def wait(self, script: str, seconds: float = 60) -> None:
        """Wait until a script is true."""
        deadline = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds} s: {script}")
            time.sleep(0.25)

    def shoot(self, path: Path, width: int, height: int) -> None:
        """Write what the page looks like at this size."""
        self.resize(width, height)
        time.sleep(1)
        image = self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(image["data"]))

    def resize(self, width: int, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )  # fmt: skip

    def _hear(self, told: dict[str, Any]) -> None:
        given = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                details = given["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if given["type"] == "error":
                self.errors.append(
                    " ".join(str(each.get("value", each.get("description"))) for each in given["args"])
                )
            case "Log.entryAdded" if given["entry"]["level"] == "error":
                self.errors.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")


@contextmanager
def page(folder: Path) -> Iterator[Page]:
    """A page of a browser of one's own, whose files are in this folder."""
    assert CHROMIUM
    process = subprocess.Popen(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=vi",
            "--disable-background-networking", "--no-first-run", "--remote-debugging-port=0",
            f"--user-data-dir={folder}", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        told = folder / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not told.exists() or len(told.read_text().splitlines()) < 2:
            assert time.monotonic() < deadline and process.poll() is None, "Chromium did not start"
            time.sleep(0.1)
        port = told.read_text().splitlines()[0]
        targets = httpx.get(f"http://127.0.0.1:{port}/json").json()
        (target,) = (each for each in targets if each["type"] == "page")
        with connect(target["webSocketDebuggerUrl"], max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(30)
