"""Carries one answer from a service into a result, rows visible as they come; what came is kept whatever happens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow as pa

from ..errors import CancelledError, LimitError, ServiceError, TriviewError
from ..table.columns import Info, TableMeta
from ..table.foreign import Options
from ..table.foreign.apart import open_file
from ..table.result import ResultTable
from ..table.votable_read import VOTableDecoder
from ..vo.http import Web, error_text, read_small
from .job import Job, Progress

FIRST_BYTES = 16  # tell FITS, Parquet and packed files from XML
WHOLE_FILES = ((b"SIMPLE  =", ".fits"), (b"PAR1", ".parquet"), (b"\x1f\x8b", ".gz"), (b"ARROW1", ".arrow"))
TEXT_FILES = {"text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/csv": ".csv"}


class Receiver:
    """Answers in, for jobs whose worker thread it runs in."""

    def __init__(
        self,
        web: Web,
        most_bytes: int,
        folder: Callable[[str], Path],
        opened: Callable[[Job, TableMeta], ResultTable],
        tell: Callable[[Job, bool], None],
    ) -> None:
        """``folder`` is where the result of a job (by its key) lies, ``opened`` makes its table, ``tell`` says that it
        has changed (at once, or when it is time)."""
        self.web, self.most_bytes, self.folder, self.opened, self.tell = web, most_bytes, folder, opened, tell

    def receive(self, job: Job, url: str, size: int = 0, rows: int = 0) -> None:
        """Fetch ``url`` into the job's table; ``size`` and ``rows`` are what the service announced, 0 for unknown.

        A VOTable is decoded as it arrives; FITS, Parquet and CSV, which say what they are at their end or only as a
        whole, are read once they are here. Raises TriviewError, CancelledError; rows that came are kept.
        """
        job.progress = Progress(text="Waiting for rows")
        self.tell(job, True)
        with self.web.stream(url) as answer:
            job.hang_up = lambda: _hang_up(answer)
            try:
                if job.cancelled.is_set():  # before there was a connection to end
                    raise CancelledError("Stopped.")
                if answer.status_code >= 400:
                    raise ServiceError(error_text(read_small(answer)), status=answer.status_code, url=str(answer.url))
                arriving = _Arriving(answer, job, self.most_bytes, size, rows)
                first = arriving.begin()
                ending = _ending(first, answer.headers.get("content-type", ""))
                if ending:
                    self._whole(job, arriving, ending)
                else:
                    self._stream(job, arriving)
            except (httpx.HTTPError, ServiceError):
                if job.cancelled.is_set():
                    raise CancelledError("Stopped.") from None
                raise
            finally:
                job.hang_up = None

    def _stream(self, job: Job, arriving: _Arriving) -> None:
        decoder = VOTableDecoder()
        table: ResultTable | None = None
        try:
            for part in arriving.parts():
                table = self._take_in(job, table, decoder, decoder.feed(part))
                job.progress = arriving.progress(table.n_rows if table else 0, decoder.announced)
                self.tell(job, False)
            # First the rows, then what is wrong with their end.
            table = self._take_in(job, table, decoder, decoder.flush())
            table = self._take_in(job, table, decoder, decoder.close())
            meta = described(job, decoder.meta)
            table = table or self.opened(job, meta)
            table.finish(meta)
        except (TriviewError, OSError, httpx.HTTPError):
            # What has come is kept, the rows still in the decoder too; a decoder that failed has none to give.
            with suppress(TriviewError):
                table = self._take_in(job, table, decoder, decoder.flush())
            if table is not None:
                table.abandon()
                job.progress = job.progress._replace(rows=table.n_rows)
            raise
        job.overflow = meta.overflow
        job.progress = Progress(table.n_rows, arriving.received, 1.0, "")

    def _take_in(
        self, job: Job, table: ResultTable | None, decoder: VOTableDecoder, batches: list[pa.RecordBatch]
    ) -> ResultTable | None:
        first = table is None and bool(batches)
        if first:
            table = self.opened(job, described(job, decoder.meta))
        for batch in batches:
            table.append(batch)
        if first:
            job.progress = job.progress._replace(rows=table.n_rows)
            self.tell(job, True)
        return table

    def _whole(self, job: Job, arriving: _Arriving, ending: str) -> None:
        """Keep the answer as a file, then read that as any file of others, in a process of its own."""
        # Beside the rows it becomes: what a killed server leaves goes with them.
        path = self.folder(job.key) / f"answer{ending}"
        try:
            self._spool(job, arriving, path)

            def progress(_: int, fraction: float) -> None:
                job.progress = job.progress._replace(fraction=fraction)

            job.progress = Progress(bytes=arriving.received, text="Reading rows")
            self.tell(job, True)
            self.fill(job, *open_file(path, path.name, Options(), job.cancelled, progress))
        finally:
            path.unlink(missing_ok=True)

    def _spool(self, job: Job, arriving: _Arriving, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for part in arriving.parts():
                    file.write(part)
                    job.progress = arriving.progress(0, 0)
                    self.tell(job, False)
        except OSError as error:
            raise LimitError(f"The answer cannot be stored: {error.strerror}.", "Free some disk space.") from None

    def fill(self, job: Job, meta: TableMeta, batches: Iterable[pa.RecordBatch]) -> None:
        """Rows made here, seen as they come. A generator may return the description as it stands at the end."""
        meta = described(job, meta)
        table, rows = self.opened(job, meta), _Returning(batches)
        try:
            for batch in rows:
                if job.cancelled.is_set():
                    raise CancelledError("Stopped.")
                table.append(batch)
                job.progress = job.progress._replace(rows=table.n_rows)
                self.tell(job, False)
            table.finish(described(job, rows.value) if rows.value else meta)
        except BaseException:
            table.abandon()
            job.progress = job.progress._replace(rows=table.n_rows)
            raise
        job.overflow = table.meta.overflow
        job.progress = Progress(table.n_rows, job.progress.bytes, 1.0, "")


class _Returning:
    """Goes through an iterable and keeps what a generator returns."""

    def __init__(self, source: Iterable[pa.RecordBatch]) -> None:
        self._source = source
        self.value: TableMeta | None = None

    def __iter__(self) -> Generator[pa.RecordBatch, None, None]:
        self.value = yield from self._source


class _Arriving:
    """The bytes of an answer, counted and bounded."""

    def __init__(self, answer: httpx.Response, job: Job, most_bytes: int, size: int, rows: int) -> None:
        self._answer, self._job, self._most, self._rows = answer, job, most_bytes, rows
        packed = "content-encoding" in answer.headers
        self._parts = answer.iter_bytes() if packed else answer.iter_raw()
        self._first = b""
        self._total = int(answer.headers.get("content-length") or 0) or (0 if packed else size)
        self.received = 0

    def begin(self) -> bytes:
        """The first bytes, enough to tell formats apart; ``parts`` gives them again."""
        while len(self._first) < FIRST_BYTES:
            part = next(self._parts, b"")
            if not part:
                break
            self._first += part
        return self._first

    def parts(self) -> Generator[bytes, None, None]:
        """All bytes. Raises CancelledError when the user stops the job, LimitError past the limit of a result."""
        part, self._first = self._first, b""
        while part:
            if self._job.cancelled.is_set():
                raise CancelledError("Stopped.")
            self.received += len(part)
            if self.received > self._most:
                raise LimitError(
                    f"The answer is larger than {self._most >> 20} MiB; the rest was not read.",
                    "Narrow the query, or raise TRIVIEW_RESULT_BYTES.",
                )
            yield part
            part = next(self._parts, b"")

    def progress(self, rows: int, announced: int) -> Progress:
        """How far it is: by bytes when their number was told, else by rows."""
        wanted = announced or self._rows
        fraction = -1.0
        if self._total:
            # Bytes as they travel: a packed answer tells its packed length.
            fraction = min(1.0, self._answer.num_bytes_downloaded / self._total)
        elif wanted:
            fraction = min(1.0, rows / wanted)
        return Progress(rows, self.received, fraction, "Receiving rows")


def _ending(first: bytes, content_type: str) -> str:
    """The file ending of an answer that is read as a whole, "" for XML."""
    for mark, ending in WHOLE_FILES:
        if first.startswith(mark):
            return ending
    return (
        "" if first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else TEXT_FILES.get(content_type.partition(";")[0], "")
    )


def _hang_up(answer: httpx.Response) -> None:
    """End the connection under a thread that waits for it."""
    stream = answer.extensions.get("network_stream")
    with suppress(OSError, AttributeError):
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def described(job: Job, meta: TableMeta) -> TableMeta:
    """The table's description with where it came from; it travels into every export."""
    known = {info.name for info in meta.infos}
    added = [Info("QUERY", job.adql)] if job.adql and "QUERY" not in known else []
    if "SERVICE" not in known and (job.service or job.url):
        added.append(Info("SERVICE", job.service or job.url))
    if "REQUEST_DATE" not in known:
        added.append(Info("REQUEST_DATE", datetime.fromtimestamp(job.started, UTC).isoformat(timespec="seconds")))
    if "MAXREC" not in known and job.maxrec:
        added.append(Info("MAXREC", str(job.maxrec)))
    return replace(meta, name=meta.name or job.title, infos=(*meta.infos, *added))
