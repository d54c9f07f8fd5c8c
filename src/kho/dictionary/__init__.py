"""The data dictionary: sources, tables and figures, made from contracts and models whenever it is asked for."""

from __future__ import annotations

from pathlib import Path

from kho.dictionary.content import Dictionary, dictionary
from kho.dictionary.page import render
from kho.dictionary.workbook import save
from kho.settings import Settings
from kho.transform import catalogue
from kho.transform.lineage import lineage

__all__ = ["Dictionary", "dictionary", "place", "write"]


def place(settings: Settings) -> Path:
    """The folder that the dictionary is in, where nobody asks for another one."""
    return settings.home / "dictionary"


def write(settings: Settings, folder: Path) -> tuple[Path, Path, Path]:
    """Write the dictionary as a page and as a workbook into this folder, and the catalogue beside; gives the files.

    The project is read as it is now; no server is needed. Raises `ContractError` and `TransformError`.
    """
    content = dictionary(settings, lineage(settings))
    page, workbook = folder / "dictionary.html", folder / "dictionary.xlsx"
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(render(content), encoding="utf-8")
    save(content, workbook)
    return page, workbook, catalogue.write(settings, folder)
