"""Text files as UTF-8: which encoding they are in, and a copy in UTF-8 where they are not."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from portal.errors import FormatError
from portal.table.foreign.told import Given

BLOCK = 4 << 20
LINE_LIMIT = 64 << 20  # bytes of one line: a cell of 1 MB in each of 50 columns
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Text(NamedTuple):
    """A UTF-8 file from byte ``start`` on, behind its byte order mark. ``encoding`` is what it was in."""

    path: Path
    start: int
    encoding: str
    note: str = ""

    def lines(self, at: int = 0) -> Iterator[str]:
        """The lines from byte ``at`` of the text on, with their ends; FormatError for one without end."""
        with self.path.open("rb") as file:
            file.seek(self.start + at)
            while line := file.readline(LINE_LIMIT):
                if len(line) == LINE_LIMIT:
                    raise FormatError(f"A line of the file is longer than {LINE_LIMIT >> 20} MB.", "Is it a table?")
                yield line.decode()

    def beginning(self, size: int = 1 << 18) -> str:
        """The first characters, up to the end of a line if there is one."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            data = file.read(size)
        if len(data) == size:
            data = data[: data.rfind(b"\n") + 1] or data
        return data.decode("utf-8", "ignore")


def text_of_file(given: Given, asked: str = "", whole: bool = True) -> Text:
    """The file as UTF-8. ``asked`` is an encoding the user chose; ``whole`` false looks at the beginning only.

    A file that is not UTF-8 is taken for Latin-1, with a note. Raises FormatError when it is no text in ``asked``.
    """
    for mark, name in BOMS:
        if given.head.startswith(mark) and asked in ("", name):
            if name == "utf-8":
                return _lined(given, Text(given.path, len(mark), name))
            return _recoded(given, "utf-16", name, whole)
    name = asked or _wide(given.head) or ("utf-8" if _is_utf8(given, whole) else "latin-1")
    if name == "utf-8":
        if asked and not _is_utf8(given, whole):
            raise FormatError("The file is not UTF-8 text.", "Choose another encoding.")
        return _lined(given, Text(given.path, 0, name))
    text = _recoded(given, name, name.partition("-le")[0].partition("-be")[0], whole)
    if name != "latin-1" or asked:
        return text
    return text._replace(note="The file is not UTF-8 and was read as Latin-1: look at letters with accents.")


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: every other byte of plain text is zero."""
    sample = head[:4096]
    half = len(sample) // 2
    if half < 2 or b"\0" not in sample:
        return ""
    if sample[1::2].count(0) > 0.7 * half:
        return "utf-16-le"
    return "utf-16-be" if sample[0::2].count(0) > 0.7 * half else ""


def _is_utf8(given: Given, whole: bool) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with given.path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
                if not whole:
                    return True
            decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _recoded(given: Given, codec: str, name: str, whole: bool) -> Text:
    out = given.aside / "text"
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with given.path.open("rb") as file, out.open("wb") as copy:
            while block := file.read(BLOCK):
                copy.write(decoder.decode(block).encode())
                if not whole:
                    break
            else:
                copy.write(decoder.decode(b"", True).encode())
    except UnicodeError:
        raise FormatError(f"The file is not text in {name}.", "Choose another encoding.") from None
    return _lined(given, Text(out, 0, name))


def _lined(given: Given, text: Text) -> Text:
    """The text with line feeds where its lines end in carriage returns alone, as old spreadsheets write them."""
    with text.path.open("rb") as file:
        head = file.read(BLOCK)
        if b"\r" not in head or b"\n" in head:
            return text
        out = given.aside / "lines"
        with out.open("wb") as copy:
            file.seek(text.start)
            while block := file.read(BLOCK):
                copy.write(block.replace(b"\r", b"\n"))
    return text._replace(path=out, start=0)
