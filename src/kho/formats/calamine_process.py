"""Reads a workbook in a process of its own: calamine ends its process when memory runs out, as small files can make it.

Run by `workbook` as a script. The workbook comes in; out come pickled pairs: `rows` with the columns of some rows of the
sheet, which are fewer objects than the rows, and then `end`; or `sheets` with the first rows of every sheet when there is
none of that name; or `problem`, of no more words.
"""

from __future__ import annotations

import io
import pickle
import resource
import sys
from itertools import islice

SOME = 5_000


def main(memory: int, head: int, sheet: str | None = None) -> None:
    """The rows of the sheet, or of the first one; within `memory` bytes."""
    data = io.BytesIO(sys.stdin.buffer.read())
    from python_calamine import CalamineError, CalamineWorkbook

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        with CalamineWorkbook.from_filelike(data) as workbook:
            names = workbook.sheet_names
            if sheet is None or sheet in names:
                rows = workbook.get_sheet_by_name(names[0] if sheet is None else sheet).iter_rows()
                while some := list(islice(rows, SOME)):
                    _say("rows", [_shared(cells) for cells in zip(*some, strict=True)])
                _say("end", None)
            else:
                sheets = {name: workbook.get_sheet_by_name(name) for name in names}
                _say("sheets", {name: each.to_python(nrows=head) for name, each in sheets.items()})
    except (CalamineError, IndexError):
        _say("problem", None)


def _shared(cells: tuple[object, ...]) -> tuple[object, ...]:
    """The cells of a column; equal ones become one, which is pickled once. Not so numbers: a 1 may equal a yes."""
    if not {bool, int, float}.isdisjoint(map(type, cells)):
        return cells
    known: dict[object, object] = {}
    return tuple(map(known.setdefault, cells, cells))


def _say(word: str, what: object) -> None:
    pickle.dump((word, what), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
