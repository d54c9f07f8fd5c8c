"""docker-compose.yml holds the same parts as `kho up`, listens on loopback only and holds no secret."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from kho.server import airflow
from kho.server.processes import AIRFLOW
from kho.settings import Settings


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((Settings().project / "docker-compose.yml").read_text())


def test_it_has_every_part(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "prepare", "sample", *AIRFLOW}
    assert services["postgres"]["image"] == "postgres:18.6"
    for name in AIRFLOW:
        assert services[name]["command"][:2] == ["airflow", name]
        assert services[name]["depends_on"]["prepare"]["condition"] == "service_completed_successfully"


def test_the_sample_source_comes_only_when_asked_for(compose: dict[str, Any]) -> None:
    profiles = {name: service.get("profiles") for name, service in compose["services"].items()}
    assert profiles.pop("sample") == ["sample"]
    assert not any(profiles.values())


def test_it_has_the_roles_of_kho_up(compose: dict[str, Any]) -> None:
    environment = compose["services"]["api-server"]["environment"]
    assert json.loads(environment["AIRFLOW__FAB__CUSTOM_ROLES"]) == json.loads(airflow.custom_roles())
    assert environment["AIRFLOW__API__ENABLE_SWAGGER_UI"] == "False"


def test_nights_run_on_the_run_time_lock(compose: dict[str, Any]) -> None:
    builds = {name: service["build"] for name, service in compose["services"].items() if "build" in service}
    locks = {name: build["args"]["LOCK"] for name, build in builds.items()}
    assert locks == {"prepare": "requirements.lock", "sample": "requirements-dev.lock"}
    assert all("--require-hashes -r $$LOCK" in build["dockerfile_inline"] for build in builds.values())


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_come_from_the_environment_and_have_no_default(compose: dict[str, Any]) -> None:
    text = (Settings().project / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+SECRET)[^:\w]", text)) == set()
    secrets = {
        (name, value)
        for service in compose["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search(r"SECRET|PASSWORD|FERNET|CONN$|URL$", name) and "SECRETS__BACKEND" not in name
    }
    assert len(secrets) >= 7
    for name, value in secrets - {
        ("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api-server:8080/execution/")
    }:
        assert re.search(r"\$\{\w+_SECRET:\?", value), name
    ignored = (Settings().project / ".gitignore").read_text().split()
    assert ".env" in ignored
