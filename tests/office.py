"""Opens Word and Excel files as people do, by LibreOffice, and reads what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib
import pypdfium2
import pytest

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(not SOFFICE, reason="LibreOffice is not here (`make system` installs it)")


#: Times New Roman, which is rarely here, as a font that comes with matplotlib and has every Vietnamese letter: of a
#: font that lacks some, LibreOffice writes them after the others, and what is read is no word
FONTS = f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{matplotlib.get_data_path()}/fonts/ttf</dir>
  <match target="pattern"><edit name="family" mode="assign" binding="strong"><string>DejaVu Serif</string></edit></match>
</fontconfig>"""


def pdf(*files: Path) -> list[Path]:
    """Each file as a PDF beside it; one start of LibreOffice, with a profile of its own."""
    folder = files[0].parent
    with tempfile.TemporaryDirectory(prefix="kho-office-") as home:
        (Path(home) / "fonts.conf").write_text(FONTS, encoding="utf-8")
        subprocess.run(
            [SOFFICE, "--headless", f"-env:UserInstallation={Path(home).as_uri()}/profile", "--convert-to", "pdf",
             "--outdir", folder, *files],
            env=os.environ | {"FONTCONFIG_FILE": f"{home}/fonts.conf", "XDG_CACHE_HOME": home},
            check=True, capture_output=True, timeout=180,
        )  # fmt: skip
    return [folder / f"{file.stem}.pdf" for file in files]


def pages(document: Path) -> list[str]:
    """The text of each page, on one line, without the page's number at its head."""
    with pypdfium2.PdfDocument(document) as opened:
        texts = [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in opened]
    return [text.removeprefix(f"{number} ") for number, text in enumerate(texts, start=1)]
