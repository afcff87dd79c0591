"""Sends a query to its service, with the tables it names as ``TAP_UPLOAD.<name>``."""

from __future__ import annotations

import logging
import time

from ..errors import LimitError, QueryError, TriviewError
from ..uploads import Upload, Uploads
from ..vo.capabilities import Capabilities, UploadLimits, read_capabilities
from ..vo.http import Web
from ..vo.tap import TapService
from .job import Job

log = logging.getLogger(__name__)
MUTE_SECONDS = 300.0  # before a service that did not tell its capabilities is asked again


class Sender:
    """Queries out, within what each service says it takes. Calls block: use a worker thread."""

    def __init__(self, web: Web, uploads: Uploads) -> None:
        self.web = web
        self.uploads = uploads
        self._known: dict[str, Capabilities] = {}
        self._mute: dict[str, float] = {}  # services that did not tell their capabilities, and when

    def capabilities(self, service: str) -> Capabilities:
        """What a service takes and gives, asked once. Raises ServiceError when it does not tell."""
        if service not in self._known:
            self._known[service] = read_capabilities(self.web, service)
        return self._known[service]

    def limits(self, service: str) -> UploadLimits:
        """What a service takes with a query. Raises ServiceError when it does not tell."""
        return self.capabilities(service).uploads

    def _format(self, service: str) -> str:
        """The format to ask for, "" to leave it to a service that says nothing of itself."""
        if time.monotonic() - self._mute.get(service, -MUTE_SECONDS) < MUTE_SECONDS:
            return ""
        try:
            return self.capabilities(service).format
        except TriviewError as error:  # what is wrong with that document is no reason not to ask
            log.info("no capabilities of %s: %s", service, error)
            self._mute[service] = time.monotonic()
            return ""

    def send(self, job: Job) -> str:
        """Create and start the job at its service; returns its address there.

        Raises QueryError when the query names an upload that is not there, LimitError before anything is sent when
        the service would refuse its uploads, else what the service says.
        """
        sent = self.uploads.named(job.workspace, job.adql)
        if sent:
            self._check(job.service, [upload for upload, _ in sent])
        files = [(upload.name, path) for upload, path in sent]
        try:
            return TapService(self.web, job.service).submit(job.adql, job.maxrec, files, self._format(job.service))
        except FileNotFoundError:
            raise QueryError(
                "An uploaded table of this query was replaced or removed just now.", "Run the query again."
            ) from None

    def _check(self, service: str, uploads: list[Upload]) -> None:
        try:
            limits = self.limits(service)
        except TriviewError as error:
            log.info("no capabilities of %s: %s", service, error)
            return  # the service itself will say what it does not take
        if not limits.inline:
            raise LimitError(
                "This service takes no uploaded tables.",
                "Upload, In queries, Write the query puts ids or positions into the query itself.",
            )
        size, rows = sum(item.bytes for item in uploads), max(item.rows for item in uploads)
        names = ", ".join(item.name for item in uploads)
        if limits.bytes and size > limits.bytes:
            raise LimitError(
                f"{names}: {size / 2**20:,.1f} MiB; this service takes {limits.bytes / 2**20:,.0f} MiB with a query.",
                "Nothing was sent. Filter the rows or leave columns out, then use that result as TAP_UPLOAD.",
            )
        if limits.rows and rows > limits.rows:
            raise LimitError(
                f"{names}: {rows:,} rows; this service takes {limits.rows:,} rows with a query.",
                "Nothing was sent. Filter the rows, then use that result as TAP_UPLOAD.",
            )
