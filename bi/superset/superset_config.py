"""Superset's configuration. Everybody asks the warehouse as themselves, so that it keeps from them what is not theirs."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from flask import g, jsonify, request
from flask_caching.backends import FileSystemCache
from sqlalchemy.engine import make_url
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetErrorException

_GIVEN = json.loads(Path(os.environ["KHO_SUPERSET"]).read_text())

SECRET_KEY = _GIVEN["secret_key"]
SQLALCHEMY_DATABASE_URI = _GIVEN["metadata"]

APP_NAME = "Kho"
FEATURE_FLAGS = {"DASHBOARD_RBAC": True, "ALERT_REPORTS": False}
TALISMAN_ENABLED = True
PREVENT_UNSAFE_DB_CONNECTIONS = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Of nobody but this machine, and nothing from elsewhere.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "frame-ancestors": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}

# Superset does not speak Vietnamese; its numbers and days do.
BABEL_DEFAULT_LOCALE = "en"
LANGUAGES: dict[str, Any] = {}
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}
D3_TIME_FORMAT = {
    "dateTime": "%H:%M:%S %d/%m/%Y",
    "date": "%d/%m/%Y",
    "time": "%H:%M:%S",
    "periods": ["SA", "CH"],
    "days": ["Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"],
    "shortDays": ["CN", "T2", "T3", "T4", "T5", "T6", "T7"],
    "months": [f"Tháng {number}" for number in range(1, 13)],
    "shortMonths": [f"Th{number}" for number in range(1, 13)],
}


def _no_scope(name: str | None) -> SupersetErrorException:
    """Somebody who may log in, and was given no agency."""
    return SupersetErrorException(
        SupersetError(
            message=f"Tài khoản {name or 'này'} chưa được cấp phạm vi cơ quan nên không xem được số liệu nào. Hãy hỏi người"
            " vận hành Kho.",
            error_type=SupersetErrorType.CONNECTION_ACCESS_DENIED_ERROR,
            level=ErrorLevel.ERROR,
        ),
        status=403,
    )


def _login(name: str) -> tuple[str, str] | None:
    """The login of the warehouse that this person has, and its password; None where there is none."""
    all_agencies = _GIVEN["sees_all"]
    if name == _GIVEN["admin"]:
        return all_agencies["user"], Path(all_agencies["password"]).read_text().strip()
    if name != Path(name).name:
        return None
    file = Path(_GIVEN["readers"]) / name
    return (name, file.read_text().strip()) if file.is_file() else None


def DB_CONNECTION_MUTATOR(uri, params, username, security_manager, source):
    """Ask the warehouse as the person who asks: who has no login gets no connection, and never that of another."""
    warehouse = make_url(_GIVEN["warehouse"])
    if (uri.host, uri.database) != (warehouse.host, warehouse.database):
        return uri, params  # somebody else's database
    login = _login(username) if username else None
    if login is None:
        raise _no_scope(username)
    user, password = login
    options = {
        # Who sees all reads `marts`, all others `scoped`: dashboards name no schema.
        "search_path": "marts" if username == _GIVEN["admin"] else "scoped",
        "TimeZone": "Asia/Ho_Chi_Minh",
        # Of views in `scoped` the server can't tell how many rows come: it would go through all words for every one.
        "enable_nestloop": "off",
        "jit": "off",
    }
    arguments = {
        **params.get("connect_args", {}),
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "application_name": "kho superset",
        "connect_timeout": 10,
    }
    # It may have moved to another port since the dashboards were made.
    return warehouse.set(username=user, password=password), {**params, "connect_args": arguments}


class CacheOfOnePerson(FileSystemCache):
    """Answers by who asked, beside what Superset's own keys say of that: nobody is given what another asked for.

    Nor what they asked for with another login: one that was taken away and made again may be of another agency.
    """

    def _get_filename(self, key: str) -> str:
        if key == self._fs_count_file:  # its own, of how many answers there are
            return super()._get_filename(key)
        user = getattr(g, "user", None)
        name = getattr(user, "username", None)
        login = _login(name) if name else None
        who = hashlib.sha256(repr(login).encode()).hexdigest()
        return super()._get_filename(f"{who}:{key}")


DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "superset_config.CacheOfOnePerson",
    "CACHE_DIR": _GIVEN["cache"],
    "CACHE_DEFAULT_TIMEOUT": 300,  # a release that comes is seen by then
    "CACHE_THRESHOLD": 2000,
    "CACHE_KEY_PREFIX": "kho_",
}


def FLASK_APP_MUTATOR(app):
    """Keep dashboards as their files have them: whoever leaves one, their page would write down the colours that it had."""

    @app.before_request
    def _colours_stay():
        if request.method == "PUT" and re.fullmatch(r"/api/v1/dashboard/\d+/colors", request.path):
            return jsonify(result="unchanged")
        return None
