"""SODA 1.0 over HTTP: cutouts at once (/api/cutout/sync) or as jobs (/api/cutout/jobs), and whole images.

What may be asked for and how it is made stands in ``cutouts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LimitError, TriviewError
from .capabilities import DocumentHandler, Resource
from .cutouts import FITS, Made, cuts, make, one_cut
from .handler import ServiceHandler
from .images import NotFound
from .jobstore import JobResult
from .params import Parameters, UsageError
from .telling import told
from .uws import Ticket

if TYPE_CHECKING:
    from .app import Archive

RESOURCES = (Resource("SODA#sync-1.0", "sync"), Resource("SODA#async-1.0", "jobs"))
TEXT = "text/plain"


class FileHandler(ServiceHandler):
    """Answers with one file made in the pixel threads."""

    def status_of(self, error: TriviewError) -> int:
        """As on the Rubin platform: a wrong parameter is 422, a dataset that is not there 404."""
        known = ((UsageError, 422), (NotFound, 404))
        return next((status for kind, status in known if isinstance(error, kind)), super().status_of(error))

    def send(self, content: bytes, name: str, media_type: str = FITS) -> None:
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "max-age=3600")
        self.write(content)


class SyncHandler(FileHandler):
    """/api/cutout/sync"""

    async def get(self) -> None:
        asked = self.parameters()
        with self.archive.quota.running(self.owner):
            made = await self.work(self._make, asked, pool=self.archive.pixels)
        self.archive.quota.spend(self.owner, size=len(made.content))
        self.send(*made)

    async def post(self) -> None:
        await self.get()

    def _make(self, asked: Parameters) -> Made:
        return make(self.archive, asked, one_cut(asked))


class WholeHandler(FileHandler):
    """/api/obs/<file>: a whole image."""

    async def get(self, name: str) -> None:
        with self.archive.quota.running(self.owner):
            content = await self.work(self._make, name, pool=self.archive.pixels)
        self.archive.quota.spend(self.owner, size=len(content))
        self.send(content, name)

    def _make(self, name: str) -> bytes:
        return self.archive.images.fits(self.archive.images.of_file(name))


def run_job(archive: Archive, ticket: Ticket) -> list[JobResult]:
    """The work of one asynchronous request: a result for each dataset with each stencil.

    Of several, those that cannot be cut become a text that says why; the job fails when none can.
    """
    asked = Parameters(ticket.job.parameters)
    wanted = cuts(asked)
    if len(wanted) == 1:
        return [_kept(ticket, "cutout", make(archive, asked, wanted[0]))]
    results: list[JobResult] = []
    failures: list[TriviewError] = []
    for number, cut in enumerate(wanted, 1):
        ticket.check()
        name = f"cutout-{number}"
        try:
            made = make(archive, asked, cut)
            # Two stencils may cover the same pixels of the same image.
            made = made._replace(name=f"{number}-{made.name}")
        except (UsageError, NotFound) as error:
            failures.append(error)
            words = f"{type(error).__name__}: {told(error)} ID={cut.did}\n"
            made = Made(words.encode(), f"{name}.txt", TEXT)
        results.append(_kept(ticket, name, made))
        if sum(item.size for item in results) > archive.limits.result_bytes:
            raise LimitError("The cutouts together are larger than a job may keep.", "Spread them over several jobs.")
        ticket.report(100.0 * number / len(wanted))
    if len(failures) == len(wanted):
        raise failures[0]
    return results


def _kept(ticket: Ticket, name: str, made: Made) -> JobResult:
    ticket.check()
    (ticket.folder / made.name).write_bytes(made.content)
    return JobResult(name, made.name, made.media_type, len(made.content))


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    return [
        (r"/api/cutout/sync/?", SyncHandler, options),
        (r"/api/(cutout)/(capabilities|availability)/?", DocumentHandler, {**options, "resources": RESOURCES}),
        (r"/api/obs/([\w.-]{1,80}\.fits)", WholeHandler, options),
    ]
