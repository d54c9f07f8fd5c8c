"""`dcat.jsonld`: the same for catalogues of data, in the W3C's vocabulary DCAT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kho.open_data.frictionless import ABOUT, NAME, TITLE
from kho.open_data.tables import File, Package, Table

FILE = "dcat.jsonld"
_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
_MONTHLY = "http://publications.europa.eu/resource/authority/frequency/MONTHLY"
_IANA = "http://www.iana.org/assignments/media-types/"


def write(package: Package, path: Path) -> None:
    path.write_text(json.dumps(catalogue(package), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def catalogue(package: Package) -> dict[str, Any]:
    """A catalogue with a dataset per table, each with a distribution per file. Addresses are relative to this file."""
    publisher = {"@type": "foaf:Agent", "foaf:name": package.terms.publisher}
    return {
        "@context": _CONTEXT,
        "@id": f"#{NAME}",
        "@type": "dcat:Catalog",
        "dct:title": _vietnamese(TITLE),
        "dct:description": _vietnamese(ABOUT),
        "dct:publisher": publisher,
        "dct:issued": _typed("dateTime", package.release.created_at.isoformat()),
        "dcat:dataset": [_dataset(table, package, publisher) for table in package.tables],
    }


def _dataset(table: Table, package: Package, publisher: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@id": f"#{table.public.name}",
        "@type": "dcat:Dataset",
        "dct:identifier": table.public.name,
        "dct:title": _vietnamese(table.public.title),
        "dct:description": _vietnamese(ABOUT),
        "dct:language": "vi",
        "dct:publisher": publisher,
        "dct:license": _licence(package.terms.licence),
        "dct:source": [_vietnamese(name) for name in table.sources],
        "dct:issued": _typed("dateTime", package.release.created_at.isoformat()),
        "dcat:version": str(package.release.release_id),
        "dcat:distribution": [_distribution(file, package) for file in table.files],
    }
    if table.days:
        told["dct:accrualPeriodicity"] = {"@id": _MONTHLY}
        told["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _typed("gYearMonth", f"{table.days[0]:%Y-%m}"),
            "dcat:endDate": _typed("gYearMonth", f"{table.days[1]:%Y-%m}"),
        }
    return told


def _distribution(file: File, package: Package) -> dict[str, Any]:
    ending = file.name.rpartition(".")[2]
    return {
        "@type": "dcat:Distribution",
        "dct:title": file.name,
        "dct:license": _licence(package.terms.licence),
        "dcat:accessURL": {"@id": file.name},
        "dcat:downloadURL": {"@id": file.name},
        "dcat:mediaType": {"@id": f"{_IANA}{_MEDIA[ending]}"},
        "dcat:byteSize": _typed("nonNegativeInteger", str(file.size)),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": _typed("hexBinary", file.sha256),
        },
    }


def _licence(licence: str) -> dict[str, str]:
    told = {"@type": "dct:LicenseDocument", "dct:title": licence}
    return {"@id": licence, **told} if licence.startswith("http") else told


def _vietnamese(text: str) -> dict[str, str]:
    return {"@language": "vi", "@value": text}


def _typed(of_type: str, value: str) -> dict[str, str]:
    return {"@type": f"xsd:{of_type}", "@value": value}
