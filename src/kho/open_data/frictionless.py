"""`datapackage.json`: the package and its files as Frictionless Data's specification has them, version 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kho.open_data.tables import File, Package, Table

NAME = "kho-open-data"
FILE = "datapackage.json"
TITLE = "Số liệu mở về thủ tục hành chính, văn bản điện tử và cổng thông tin"
ABOUT = (
    "Số liệu theo tháng của từng đơn vị, đã khép tháng. Số từ 1 đến 4, và các số có thể dùng để tính ra chúng, không công bố:"
    " ô giá trị để trống, cột publication ghi suppressed; ô trống không phải là 0."
)


def write(package: Package, path: Path) -> None:
    path.write_text(json.dumps(descriptor(package), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def descriptor(package: Package) -> dict[str, Any]:
    """The package with a resource per file."""
    release, terms = package.release, package.terms
    return {
        "profile": "data-package",
        "name": NAME,
        "title": TITLE,
        "description": ABOUT,
        "version": str(release.release_id),
        "created": release.created_at.isoformat(),
        "business_date": release.business_date.isoformat(),
        "licenses": [_licence(terms.licence)],
        "contributors": [{"title": terms.publisher, "role": "publisher"}],
        "sources": _sources(sorted({name for table in package.tables for name in table.sources})),
        "resources": [resource for table in package.tables for resource in _resources(table)],
    }


def _resources(table: Table) -> list[dict[str, Any]]:
    assert table.csv and table.parquet
    of_table = {"title": table.public.title, "rows": table.rows, "sources": _sources(table.sources)}
    return [
        {
            "profile": "tabular-data-resource",
            "name": table.public.name,
            **of_table,
            **_of_file(table.csv),
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "dialect": {"delimiter": ",", "lineTerminator": "\n", "header": True},
            "schema": {
                "fields": [
                    {"name": field.name, "type": field.type, "title": field.title, "description": field.about}
                    for field in table.fields
                ],
                "missingValues": [""],
                "primaryKey": list(table.public.key),
            },
        },
        {
            "profile": "data-resource",
            "name": f"{table.public.name}_parquet",
            **of_table,
            **_of_file(table.parquet),
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
        },
    ]


def _of_file(file: File) -> dict[str, Any]:
    return {"path": file.name, "bytes": file.size, "hash": f"sha256:{file.sha256}"}


def _licence(licence: str) -> dict[str, str]:
    return {"path" if licence.startswith("http") else "name": licence}


def _sources(names: list[str]) -> list[dict[str, str]]:
    return [{"title": name} for name in names]
