"""Rows of BINARY2 and BINARY (VOTable 1.3, section 6) as they arrive in base64, turned into Arrow batches."""

from __future__ import annotations

import binascii

import numpy as np
import pyarrow as pa
import pybase64

from portal.errors import FormatError
from portal.table import votable_kernels as kernels
from portal.table.columns import Column, TableMeta
from portal.table.votable_pace import ROW_LIMIT, Pace
from portal.table.votable_values import ELEMENT, NUMPY, Runs, run_array, scalar_array

PIECE = 1 << 20  # bytes of base64 decoded at once: decoded while still near the processor


def _layout(column: Column) -> tuple[int, int]:
    """(kind, width in bytes) of a cell for the walking kernel; raises FormatError for an unknown type."""
    size = ELEMENT.get(column.datatype)
    if size is None:
        raise FormatError(f"Column {column.name}: {column.datatype!r} is not a VOTable datatype.")
    shape = column.arraysize.strip()
    if shape in ("", "1"):
        scalar = column.datatype in NUMPY or column.datatype in ("boolean", "bit")
        return (size, size) if scalar else (kernels.RUN, size)
    length = 1
    for part in shape.rstrip("*").split("x"):
        if part and not (part.isascii() and part.isdigit()):
            raise FormatError(f"Column {column.name}: arraysize {shape!r} is not understood.")
        length *= int(part or 1)
    if length * size > ROW_LIMIT:
        raise FormatError(f"Column {column.name}: arraysize {shape!r} is larger than {ROW_LIMIT >> 20} MB.")
    if shape.endswith("*"):
        return (kernels.BITS, 0) if column.datatype == "bit" else (kernels.COUNTED, size)
    return kernels.RUN, (length + 7) // 8 if column.datatype == "bit" else length * size


class BinaryRows:
    """Decodes the text of one STREAM. ``feed`` returns batches and, once ``<`` ends the stream, the rest."""

    def __init__(self, meta: TableMeta, with_nulls: bool, pace: Pace) -> None:
        """``with_nulls``: each row begins with null marks (BINARY2)."""
        self.columns = meta.columns
        self._schema = meta.to_schema()
        self._pace = pace
        self._text: list[bytes] = []
        self._size = 0
        self._kept = b""
        self._raw: list[bytes] = []
        self._raw_size = 0
        self._padded = False
        self._flags = (len(self.columns) + 7) // 8 if with_nulls else 0
        self._nan_is_null = not with_nulls
        layouts = [_layout(item) for item in self.columns]
        self._kinds = np.array([kind for kind, _ in layouts], np.int64)
        self._widths = np.array([width for _, width in layouts], np.int64)
        groups = np.where((self._kinds == kernels.RUN) | (self._kinds > 8), 0, self._kinds)
        self._lines = {width: int((groups == width).sum()) for width in (0, 1, 2, 4, 8)}
        self._slots = np.zeros(len(layouts), np.int64)
        for width in self._lines:
            self._slots[groups == width] = np.arange(self._lines[width])
        counted = int((self._kinds > 8).sum())
        self._least = self._flags + 4 * counted + int(self._widths[self._kinds <= 8].sum())

    def feed(self, data: bytes, flush: bool = False) -> tuple[list[pa.RecordBatch], bytes | None]:
        """Raises FormatError for text that is not base64 or a stream that ends inside a row."""
        at = data.find(b"<")
        body = data if at < 0 else data[:at]
        batches: list[pa.RecordBatch] = []
        for start in range(0, len(body), PIECE):
            piece = body if len(body) <= PIECE else body[start : start + PIECE]
            self._text.append(piece)
            self._size += len(piece)
            ready = self._pace.ready(self._size * 3 // 4 + self._raw_size)
            if ready or self._size >= PIECE:
                self._decode()
            if ready:
                self._take_rows(batches)
        if flush or at >= 0:
            self._decode()
            self._take_rows(batches)
        if at >= 0 and (self._kept or self._raw_size):
            raise FormatError(
                f"The VOTable ends inside a row: {self._raw_size:,} bytes are left over.",
                "The connection was probably cut. Run the query again.",
            )
        return batches, None if at < 0 else data[at:]

    def _decode(self) -> None:
        """Turn the waiting text into bytes, whole groups of four characters at a time."""
        text = _without_blanks(b"".join([self._kept, *self._text]))
        self._text, self._size = [], 0
        whole = len(text) & ~3
        self._kept = text[whole:]
        if not whole:
            return
        if self._padded:
            raise FormatError("The base64 of the VOTable goes on after its end.")
        self._padded = text[whole - 1 : whole] == b"="
        try:
            raw = pybase64.b64decode(memoryview(text)[:whole], validate=True)
        except (binascii.Error, ValueError):
            raise FormatError("The rows of the VOTable are not base64.", "Run the query again.") from None
        if self._least == 0:
            raise FormatError("The VOTable has rows but no columns.")
        self._raw.append(raw)
        self._raw_size += len(raw)

    def _take_rows(self, batches: list[pa.RecordBatch]) -> None:
        """Hand on the rows that are whole."""
        raw = self._raw[0] if len(self._raw) == 1 else b"".join(self._raw)
        buf = np.frombuffer(raw, np.uint8)
        pos, status = 0, kernels.DONE
        while status != kernels.MORE and pos < len(buf):
            rows = min(self._pace.rows, (len(buf) - pos) // self._least + 1)
            before = pos
            batch, pos, status = self._batch(buf, pos, rows)
            if status == kernels.BAD_COUNT:
                raise FormatError("A cell of the VOTable has a negative length.")
            if status == kernels.TOO_LONG:
                raise FormatError(f"A cell of the VOTable is longer than {ROW_LIMIT >> 20} MB.")
            if batch is not None:
                batches.append(batch)
            self._pace.took(pos > before, len(buf) - pos)
        self._raw = [raw[pos:]]
        self._raw_size = len(buf) - pos
        if self._raw_size > 4 * ROW_LIMIT:
            raise FormatError(f"A row of the VOTable is longer than {4 * ROW_LIMIT >> 20} MB.")

    def _batch(self, buf: np.ndarray, pos: int, rows: int) -> tuple[pa.RecordBatch | None, int, int]:
        lines = self._lines
        words = {width: np.empty((lines[width], rows), f"u{width}") for width in (8, 4, 2, 1)}
        starts = np.empty((lines[0], rows), np.int64)
        sizes = np.empty((lines[0], rows), np.int64)
        valid = np.full((len(self.columns), (rows + 7) // 8), 255, np.uint8)
        taken, pos, status = kernels.walk_binary(
            buf, pos, len(buf), rows, self._flags, self._kinds, self._widths, self._slots,
            words[8], words[4], words[2], words[1], starts, sizes, valid, ROW_LIMIT,
        )  # fmt: skip
        if not taken:
            return None, pos, status
        arrays = []
        for at, column in enumerate(self.columns):
            kind, slot, marks = int(self._kinds[at]), self._slots[at], valid[at, : (taken + 7) // 8]
            if kind in words:
                arrays.append(scalar_array(column, words[kind][slot, :taken], marks, self._nan_is_null))
            else:
                runs = Runs(buf, starts[slot, :taken], sizes[slot, :taken], marks, kind == kernels.BITS)
                arrays.append(run_array(column, runs, empty_is_null=not self._flags))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema), pos, status


def _without_blanks(text: bytes) -> bytes:
    """Base64 without line ends and blanks. Searching for each costs a tenth of looking at every byte."""
    for mark in (b"\n", b"\r", b" ", b"\t"):
        if mark in text:
            text = text.replace(mark, b"")
    return text
