"""What `make sbom` tells: every component once, under the licence that it names."""

from __future__ import annotations

import re

import yaml

from tests.licences import UNKNOWN, licences
from tests.pages import PROJECT


def test_every_component_is_told_once_under_its_licence() -> None:
    named = [
        [{"license": {"id": "MIT"}}],
        [{"expression": "MIT OR Apache-2.0"}],
        [{"license": {"name": "License :: OSI Approved :: BSD License"}}, {"license": {"name": "file"}}],
        [],
        None,
    ]
    bill = {
        "components": [
            {"name": name, "version": "1", **({} if under is None else {"licenses": under})}
            for name, under in zip("abcde", named, strict=True)
        ]
    }
    assert licences(bill) == {
        "BSD License": ["c 1"],
        "MIT": ["a 1"],
        "MIT OR Apache-2.0": ["b 1"],
        UNKNOWN: ["d 1", "e 1"],
    }


def test_the_tool_that_makes_the_bill_is_pinned_by_hashes() -> None:
    lock = (PROJECT / "tests" / "sbom.lock").read_text()
    pins = re.split(r"\n(?=\S)", lock.strip())
    assert all(re.match(r"[\w.-]+==\S+.*--hash=sha256:", pin, re.DOTALL) for pin in pins)
    assert "http" not in lock.replace("httpx", "")


def test_images_of_the_containers_have_a_version() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        image = service.get("image", "")
        assert image.partition(":")[0].startswith("kho") or re.search(r":\d+\.\d+", image), f"{name}: {image}"
