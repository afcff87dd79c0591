"""TAP 1.1 and UWS 1.1 as a client: submit, wait, abort, read results. Who waits is the caller's affair."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ..errors import QueryError, ServiceError
from .http import Web, error_text, parse_xml

VOTABLE = "application/x-votable+xml"
POSITION = re.compile(r"line (\d+),? (?:column|col\.?|char(?:acter)?) (\d+)", re.IGNORECASE)
ROW_COUNTS = ("rowcount", "numrows", "nrows", "resultrows")  # what services call it in their jobInfo


class JobState(NamedTuple):
    """What the UWS job says. ``fraction`` is -1 when the service tells no progress.

    ``bytes`` and ``rows`` are the size of the result, 0 when the service does not tell.
    """

    phase: str
    error: str = ""
    result: str = ""
    fraction: float = -1.0
    text: str = ""
    bytes: int = 0
    rows: int = 0


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def parse_job(content: bytes) -> JobState:
    """A UWS job document. The result is the one with id "result", else the first with an address."""
    root = parse_xml(content)
    phase = error = result = text = ""
    fraction, done, total, size, rows = -1.0, 0.0, 0.0, 0.0, 0.0
    for item in root.iter():
        name = _local(item.tag)
        words = (item.text or "").strip()
        if name == "phase":
            phase = words.upper()
        elif name == "message" and not error:
            error = words
        elif name == "result":
            href = next((value for key, value in item.attrib.items() if _local(key) == "href"), "")
            if href and (not result or item.get("id") == "result"):
                result, size = href, _number(item.get("size", "0"))
        elif name == "percentComplete" and words:
            fraction = _number(words) / 100
        elif name == "itemsProcessed":
            done = _number(words)
        elif name == "totalItems":
            total = _number(words)
        elif name.lower() in ROW_COUNTS:
            rows = _number(words)
    if fraction < 0 and total > 0:
        fraction = done / total
    if total > 0:
        text = f"{done:,.0f} of {total:,.0f}"
    return JobState(phase or "UNKNOWN", error, result, min(fraction, 1.0), text, int(size), int(rows))


def _number(words: str) -> float:
    try:
        return max(0.0, float(words))
    except ValueError:
        return 0.0


def query_error(text: str) -> ServiceError | QueryError:
    """The service's own words as an error; with line and column when it tells them."""
    found = POSITION.search(text)
    if found:
        return QueryError(text, line=int(found[1]), column=int(found[2]))
    return ServiceError(text)


class TapService:
    """One TAP service. All calls block: use a worker thread. Raise ServiceError (QueryError for a bad query)."""

    def __init__(self, web: Web, url: str) -> None:
        self.web = web
        self.url = url.rstrip("/")

    def submit(self, adql: str, maxrec: int, uploads: Sequence[tuple[str, Path]] = (), format: str = "") -> str:
        """Create and start an async job; returns its address. The ADQL goes out exactly as written.

        ``format`` is a RESPONSEFORMAT, "" for the service's own.

        ``uploads``: (name, VOTable file) of tables that the query calls ``TAP_UPLOAD.<name>``, sent inline.
        """
        asked = {"LANG": "ADQL", "QUERY": adql, "MAXREC": str(maxrec), "REQUEST": "doQuery"}
        if format:
            asked["RESPONSEFORMAT"] = format
        try:
            with ExitStack() as opened:
                files = {}
                for name, path in uploads:
                    files[name] = (path.name, opened.enter_context(path.open("rb")), VOTABLE)
                if files:
                    asked["UPLOAD"] = ";".join(f"{name},param:{name}" for name in files)
                job = self.web.post_location(f"{self.url}/async", files or None, **asked)
        except ServiceError as error:
            if error.status in (400, 422):
                raise query_error(error.message) from None
            raise
        self.web.post(f"{job}/phase", PHASE="RUN")
        return job

    def state(self, job: str, wait: int = 0, phase: str = "") -> JobState:
        """The job now, or after at most ``wait`` seconds when it leaves ``phase`` (UWS 1.1 blocking)."""
        params = {"WAIT": str(wait), "PHASE": phase} if wait and phase else {}
        answer = self.web.get(job, seconds=wait + 30.0, **params)
        if answer.status_code == 404:
            raise ServiceError("The service no longer has this job.", "Run the query again.", status=404, url=job)
        if answer.status_code >= 400:
            raise ServiceError(error_text(answer), status=answer.status_code, url=job)
        return parse_job(answer.content)

    def failure(self, job: str, state: JobState) -> ServiceError | QueryError:
        """Why a job ended in ERROR: its error document when there is one, else the summary."""
        answer = self.web.get(f"{job}/error")
        text = error_text(answer) if answer.status_code < 400 and answer.content else ""
        return query_error(text or state.error or "The service reports an error without a text.")

    def abort(self, job: str) -> None:
        self.web.post(f"{job}/phase", PHASE="ABORT")

    def sync(self, adql: str, maxrec: int = 100_000) -> bytes:
        """A short query, the whole answer (VOTable). Raises the service's error."""
        answer = self.web.post(f"{self.url}/sync", LANG="ADQL", QUERY=adql, MAXREC=str(maxrec), REQUEST="doQuery")
        if answer.status_code >= 400:
            raise query_error(error_text(answer))
        return answer.content
