"""Chromium as a person uses it, over the protocol that browsers are driven by (W3C WebDriver)."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_PATIENCE = 20.0  # seconds that something may take to appear


class Browser:
    """One window. What is not there yet is waited for."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client, self._session = client, session

    def go(self, address: str) -> None:
        self._ask("POST", "url", url=address)

    @property
    def address(self) -> str:
        return self._ask("GET", "url")

    def find(self, selector: str, *, xpath: bool = False) -> str:
        """The first element that this selects."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self._ask("POST", "elements", using="xpath" if xpath else "css selector", value=selector)
            if found:
                return found[0][_ELEMENT]
            assert time.monotonic() < deadline, f"{selector} is not at {self.address}: {self.text()[:2000]}"
            time.sleep(0.1)

    def button(self, title: str) -> str:
        return self.find(f"//button[normalize-space()='{title}']", xpath=True)

    def click(self, element: str) -> None:
        self._ask("POST", f"element/{element}/click")

    def type(self, element: str, text: str) -> None:
        self._ask("POST", f"element/{element}/value", text=text)

    def enter(self, selector: str) -> None:
        """Into a frame."""
        self._ask("POST", "frame", id={_ELEMENT: self.find(selector)})

    def leave(self) -> None:
        """Back to the whole page."""
        self._ask("POST", "frame", id=None)

    def text(self) -> str:
        return self.run("return document.body ? document.body.innerText : ''")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while text not in self.text():
            assert time.monotonic() < deadline, f"{text!r} is not at {self.address}: {self.text()[:2000]}"
            time.sleep(0.1)

    def run(self, script: str) -> Any:
        return self._ask("POST", "execute/sync", script=script, args=[])

    def shoot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._ask("GET", "screenshot")))

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        body = {"json": given} if method == "POST" else {}
        answer = self._client.request(method, f"/session/{self._session}/{path}", **body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{path}: {answer['error']}: {answer['message']}")
        return answer


@contextmanager
def browser(folder: Path, language: str = "vi") -> Iterator[Browser]:
    """A fresh Chromium, whose files are in this folder and which asks for pages in this language."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "binary": CHROMIUM,
        "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000",
            f"--user-data-dir={folder}", f"--accept-lang={language}", f"--lang={language}",
        ],
        "prefs": {"intl.accept_languages": language},
    }  # fmt: skip
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    client.get("/status").raise_for_status()
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline, "chromedriver does not answer"
                    time.sleep(0.1)
            wanted = {
                "capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
            }
            session = client.post("/session", json=wanted).json()["value"]
            assert "sessionId" in session, session
            try:
                yield Browser(client, session["sessionId"])
            finally:
                client.delete(f"/session/{session['sessionId']}")
    finally:
        driver.terminate()
        driver.wait()
