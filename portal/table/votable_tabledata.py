"""Rows of TABLEDATA (VOTable 1.3, section 5.1) as they arrive, turned into Arrow batches.

A compiled loop finds the cells; from the first row it does not know (comments, CDATA, prefixes) expat takes over.
"""

from __future__ import annotations

from dataclasses import replace
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from portal.errors import FormatError
from portal.table import votable_kernels as kernels
from portal.table.columns import SHAPE, TableMeta
from portal.table.votable_pace import ROW_LIMIT, Pace
from portal.table.votable_values import _array, text_array, unescaped
from portal.table.votable_xml import broken

RECENT = 1024  # bytes remembered, so that a closing tag split over two pieces is found again
SLICE = 8 << 20  # bytes looked at in one go, whatever the size of what was fed


class TextRows:
    """Decodes the inside of one TABLEDATA. ``feed`` returns batches and, once the rows end, the rest."""

    def __init__(self, meta: TableMeta, tags: str, pace: Pace) -> None:
        """``tags`` are the elements open around the rows, as opening tags."""
        # As text, cells of any length can be read: a size that makes no sense is no reason to refuse them.
        shapes = ((item, not item.arraysize or SHAPE.fullmatch(item.arraysize)) for item in meta.columns)
        self.columns = tuple(item if known else replace(item, arraysize="*") for item, known in shapes)
        self._schema = replace(meta, columns=self.columns).to_schema()
        self._pace = pace
        self._tags = tags
        self._waiting: list[bytes] = []
        self._size = 0
        self._slow: SlowRows | None = None

    def feed(self, data: bytes, flush: bool = False) -> tuple[list[pa.RecordBatch], bytes | None]:
        """Raises FormatError for rows that do not fit the fields. ``flush``: nothing follows, so do not wait."""
        batches: list[pa.RecordBatch] = []
        view = memoryview(data)
        for start in range(0, max(len(data), 1), SLICE):
            self._waiting.append(bytes(view[start : start + SLICE]))
            self._size += len(self._waiting[-1])
            if flush or self._pace.ready(self._size):
                rest = self._decode(batches)
                if rest is not None:
                    return batches, rest + bytes(view[start + SLICE :])
        return batches, None

    def _decode(self, batches: list[pa.RecordBatch]) -> bytes | None:
        data = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        if self._slow is not None:
            return self._expat(data, batches)
        buf, pos, status = np.frombuffer(data, np.uint8), 0, kernels.DONE
        while status == kernels.DONE:
            # The shortest row that fills n columns is <TR><TD/>...</TR>.
            rows = min(self._pace.rows, (len(buf) - pos) // (9 + 5 * len(self.columns)) + 1)
            before = pos
            batch, pos, status = self._batch(buf, pos, rows)
            if batch is not None:
                batches.append(batch)
            self._pace.took(pos > before, len(buf) - pos)
        if status in (kernels.TOO_MANY, kernels.TOO_FEW):
            raise FormatError("A row of the VOTable has not as many cells as there are fields.")
        if status == kernels.ROWS_END:
            return data[pos:]
        if status == kernels.UNUSUAL:
            self._slow = SlowRows(self._tags, len(self.columns))
            return self._expat(data[pos:], batches)
        self._waiting, self._size = [data[pos:]], len(data) - pos
        if self._size > ROW_LIMIT:
            raise FormatError(f"A row of the VOTable is longer than {ROW_LIMIT >> 20} MB.")
        return None

    def _batch(self, buf: np.ndarray, pos: int, rows: int) -> tuple[pa.RecordBatch | None, int, int]:
        starts = np.empty((len(self.columns), rows), np.int64)
        sizes = np.empty((len(self.columns), rows), np.int64)
        taken, pos, status = kernels.walk_cells(buf, pos, len(buf), rows, len(self.columns), starts, sizes)
        if not taken:
            return None, pos, status
        texts = [
            _texts(buf, starts[at, :taken], sizes[at, :taken], number=not column.is_text)
            for at, column in enumerate(self.columns)
        ]
        return self._typed(texts), pos, status

    def _typed(self, texts: list[pa.Array]) -> pa.RecordBatch:
        arrays = [text_array(column, item) for column, item in zip(self.columns, texts)]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _expat(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        rest = self._slow.feed(data)
        rows, self._slow.rows = self._slow.rows, []
        if rows:
            texts = []
            for column, cells in zip(self.columns, zip(*rows)):
                texts.append(pa.array(cells if column.is_text else [cell.strip() for cell in cells], pa.string()))
            batches.append(self._typed(texts))
        self._pace.took(len(rows), 0)
        return rest


def _texts(buf: np.ndarray, starts: np.ndarray, sizes: np.ndarray, number: bool) -> pa.Array:
    """The cells of one column as strings, entities replaced; raises FormatError when they are not UTF-8."""
    if number:
        kernels.trim(buf, starts, sizes)
    ends = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    out = np.empty(int(ends[-1]) + 8, np.uint8)
    wide, zero, ampersand = kernels.gather(buf, starts, sizes, ends, out)
    array = _array(pa.string(), len(starts), np.full((len(starts) + 7) // 8, 255, np.uint8), ends, out)
    if zero:
        raise FormatError("The VOTable has a zero byte in its text.")
    if wide:
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise FormatError("The text of the VOTable is not in its encoding (UTF-8).") from None
    return unescaped(array) if ampersand else array


class SlowRows:
    """Any well-formed TABLEDATA, by expat, row by row."""

    def __init__(self, tags: str, columns: int) -> None:
        self.rows: list[list[str]] = []
        self._columns = columns
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._size = 0
        self._end_at = -1
        self._recent = b""
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.Parse(tags.encode(), False)
        self._fed = len(tags.encode())
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, data: bytes) -> bytes | None:
        """Returns what follows the rows, from their closing tag on, or None while they go on."""
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError as error:
            raise broken(error) from None
        except _RowsEnd:
            # The closing tag may have begun in what was fed before.
            known = self._recent + data
            at = self._end_at - (self._fed - len(self._recent))
            if at < 0:
                raise FormatError("The closing tag of the rows is too long.") from None
            return known[at:]
        self._fed += len(data)
        self._recent = (self._recent + data[-RECENT:])[-RECENT:]
        return None

    def _start(self, tag: str, attrs: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "TR" and self._row is None:
            self._row, self._size = [], 0
        elif name == "TD" and self._row is not None and self._cell is None:
            if "encoding" in attrs:
                raise FormatError("A cell of the VOTable is encoded, which is not read.")
            self._cell = []
        else:
            raise FormatError(f"A <{name}> stands among the rows of the VOTable.")

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size > ROW_LIMIT:
            raise FormatError(f"A row of the VOTable is longer than {ROW_LIMIT >> 20} MB.")
        if self._cell is not None:
            self._cell.append(text)
        elif text.strip():
            raise FormatError("Text stands between the cells of the VOTable.")

    def _end(self, tag: str) -> None:
        if self._cell is not None:
            self._row.append("".join(self._cell))
            self._cell = None
        elif self._row is not None:
            if len(self._row) != self._columns:
                raise FormatError("A row of the VOTable has not as many cells as there are fields.")
            self.rows.append(self._row)
            self._row, self._size = None, 0
        else:
            self._end_at = self._parser.CurrentByteIndex
            raise _RowsEnd


class _RowsEnd(Exception):
    """Raised out of expat at the tag that closes the rows."""
