"""Reads a VOTable as it arrives: pieces of bytes in, Arrow record batches out.

Knows the order of things in the document (head, rows, closing part) and what makes it whole. Untrusted input:
nothing outside the document is opened, no size it claims is believed, and a document cut short never passes.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from portal.errors import FormatError, ServiceError
from portal.table.columns import TableMeta
from portal.table.votable_binary import BinaryRows
from portal.table.votable_pace import FIRST_ROWS, MOST_ROWS, Pace
from portal.table.votable_tabledata import TextRows
from portal.table.votable_xml import TAG_LIMIT, VOTableXML

STEP = 1 << 16  # bytes of XML given to expat at once; rows that follow the head are not parsed twice
HEAD_LIMIT = 64 << 20  # bytes before the first row
ENCODINGS = {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252", "utf-16"}
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")


class VOTableDecoder:
    """A push parser of one VOTable: ``feed`` pieces, then ``close``. Serializations BINARY2, BINARY, TABLEDATA.

    ``meta`` is None until the head has been read, and whole (with trailing infos, overflow, services) after
    ``close``. The rows are those of the first TABLE with data outside a RESOURCE of type "meta"; a document
    without rows gives no batch. ``skip`` tables with data are stepped over before. Every error is final.
    """

    def __init__(self, first_rows: int = FIRST_ROWS, most_rows: int = MOST_ROWS, skip: int = 0) -> None:
        self.meta: TableMeta | None = None
        self.rows = 0
        self._pace = Pace(first_rows, most_rows)
        self._xml = VOTableXML(skip)
        self._head_limit = HEAD_LIMIT if not skip else 1 << 62  # tables stepped over may be long
        self._body: BinaryRows | TextRows | None = None
        self._stage = self._begin
        self._held = b""
        self._head_size = 0
        self._last = False
        self._recode: codecs.IncrementalDecoder | None = None

    @property
    def announced(self) -> int:
        """The number of rows the TABLE says it has (its nrows), 0 when it does not: for telling how far it is."""
        return self._xml.announced

    def feed(self, data: bytes) -> list[pa.RecordBatch]:
        """Batches completed by ``data``; raises FormatError as soon as the document is seen to be wrong."""
        return self._push(data) if data else []

    def close(self) -> list[pa.RecordBatch]:
        """The last batches. Raises FormatError when the document is cut, ServiceError when it carries an error."""
        batches = self.flush()
        if self._stage not in (self._head, self._tail):
            self._stage = self._refuse
            raise FormatError("The VOTable ends too early.", "The connection was probably cut. Run the query again.")
        self._stage = self._refuse
        try:
            self._xml.close()
        finally:
            # Words of the service come before the complaint that it stopped in the middle of them.
            text = self._xml.error_text()
            if text is not None:
                raise ServiceError(text, "The service could not finish the query.")
        self.meta = self._described()
        return batches

    def flush(self) -> list[pa.RecordBatch]:
        """The whole rows that wait to be handed on; ask before ``close`` to keep them when the document was cut."""
        if self._stage != self._rows:
            return []
        self._last = True
        return self._push(b"")

    def _push(self, data: bytes) -> list[pa.RecordBatch]:
        batches: list[pa.RecordBatch] = []
        try:
            if self._recode is not None:
                data = self._recode.decode(data).encode()
            rest = self._stage(data, batches)
            while rest:
                rest = self._stage(rest, batches)
        except Exception as error:
            self._stage = self._refuse
            if isinstance(error, UnicodeError):
                raise FormatError("The VOTable is not in the encoding it declares.") from None
            raise
        self.rows += sum(batch.num_rows for batch in batches)
        return batches

    def _described(self) -> TableMeta:
        meta = self._xml.meta()
        if self._body is not None:
            meta = replace(meta, columns=self._body.columns)
        more = {"serialization": self._xml.serialization, "version": self._xml.version}
        return replace(meta, extra={**meta.extra, **{key: value for key, value in more.items() if value}})

    # stages: each takes what is left and returns what the next stage should see

    def _refuse(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        raise FormatError("The VOTable was refused before; nothing more is read.")

    def _begin(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        """Find the encoding from the first bytes, so that everything later is UTF-8."""
        data = self._held = self._held + data
        if len(data) < 256 and b">" not in data:
            return None
        self._held = b""
        self._stage = self._head
        declared = DECLARED.match(data[:256])
        name = declared.group(1).decode().lower() if declared else "utf-8"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            name = "utf-16"
        elif name == "utf-16":
            name = "utf-8"  # the declaration was read as ASCII, so it cannot be UTF-16
        if name not in ENCODINGS:
            raise FormatError(f"The VOTable is in the encoding {name!r}, which is not read.", "Ask for UTF-8.")
        if name not in ("utf-8", "utf8", "us-ascii", "ascii"):
            self._recode = codecs.getincrementaldecoder(name)()
            data = self._recode.decode(data).encode()
        return data

    def _head(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        for start in range(0, len(data), STEP):
            at = self._xml.feed(data[start : start + STEP])
            self._head_size += min(STEP, len(data) - start)
            if at is not None:
                self._stage = self._open
                # The tag begins in this step: expat tells of a tag when it has seen its end.
                return self._cut(data, start, at)
            if self._head_size > self._head_limit:
                raise FormatError(f"No rows in the first {HEAD_LIMIT >> 20} MB of the VOTable.")
        self._held = (self._held + data)[-2 * TAG_LIMIT :]
        return None

    def _cut(self, data: bytes, start: int, at: int) -> bytes:
        step_end = min(start + STEP, len(data))
        known = self._held + data
        begins = len(self._held) + step_end - (self._head_size - at)
        self._held = b""
        if begins < 0:
            raise FormatError("The tag that opens the rows is too long.")
        return known[begins:]

    def _open(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        """Step over the opening tag, whose attributes may hold ``>``."""
        end, quote = -1, 0
        for at, byte in enumerate(data):
            if quote:
                quote = 0 if byte == quote else quote
            elif byte in b"\"'":
                quote = byte
            elif byte == 0x3E:
                end = at
                break
        meta = self.meta = self._described()
        kind = self._xml.serialization
        if data[end - 1] == 0x2F:
            self._xml.resume(empty=True)
            self._stage = self._tail
            return data[end + 1 :]
        if kind == "TABLEDATA":
            self._body = TextRows(meta, self._xml.open_tags(), self._pace)
        else:
            self._body = BinaryRows(meta, kind == "BINARY2", self._pace)
        self._stage = self._rows
        return data[end + 1 :]

    def _rows(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        more, rest = self._body.feed(data, self._last)
        batches += more
        if rest is not None:
            self._xml.resume()
            self._stage = self._tail
        return rest

    def _tail(self, data: bytes, batches: list[pa.RecordBatch]) -> bytes | None:
        for start in range(0, len(data), STEP):
            self._xml.feed(data[start : start + STEP])
        return None


def read_votable(source: bytes | str | Path) -> tuple[TableMeta, pa.Table]:
    """A whole VOTable, from its bytes or a file. Raises FormatError or ServiceError as the decoder does."""
    decoder = VOTableDecoder()
    batches = []
    if isinstance(source, bytes):
        batches += decoder.feed(source)
    else:
        with Path(source).open("rb") as file:
            while piece := file.read(1 << 20):
                batches += decoder.feed(piece)
    batches += decoder.close()
    meta = decoder.meta
    return meta, pa.Table.from_batches(batches, schema=meta.to_schema())
