"""Opens Word and Excel files as people do, by LibreOffice, and reads what it shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pypdfium2
import pytest

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(not SOFFICE, reason="LibreOffice is not here (`make system` installs it)")


def pdf(*files: Path) -> list[Path]:
    """Each file as a PDF beside it; one start of LibreOffice, with a profile of its own."""
    folder = files[0].parent
    with tempfile.TemporaryDirectory(prefix="kho-office-") as profile:
        subprocess.run(
            [SOFFICE, "--headless", f"-env:UserInstallation={Path(profile).as_uri()}", "--convert-to", "pdf",
             "--outdir", folder, *files],
            check=True, capture_output=True, timeout=180,
        )  # fmt: skip
    return [folder / f"{file.stem}.pdf" for file in files]


def pages(document: Path) -> list[str]:
    """The text of each page, on one line."""
    with pypdfium2.PdfDocument(document) as opened:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in opened]


def images(document: Path) -> list[Path]:
    """Each page as a PNG beside the PDF, to be looked at."""
    written = []
    with pypdfium2.PdfDocument(document) as opened:
        for number, page in enumerate(opened, start=1):
            written.append(document.with_name(f"{document.stem}-{number}.png"))
            page.render(scale=1.5).to_pil().save(written[-1])
    return written
