"""The image of the current row: coadd cutouts in all bands at its position."""

from __future__ import annotations

import numpy as np

from portal.errors import TriviewError
from portal.session import Session
from portal.sky.cutout import cutout_payload
from portal.vo.soda import Cutouts
from widgets.image import Cutout

from .base import View
from .feeds import Answer, Feeds

RADIUS = 10.0 / 3600  # deg: an object with its surroundings, and quick in six bands


class Image(View):
    """Coadd cutouts of the current row."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, cutouts: Cutouts) -> None:
        super().__init__(session, feeds)
        self.cutouts = cutouts
        self._payload: bytes | None = None
        self._row: tuple = ()
        self._serial = 0
        self._url = self.feed(lambda _: Answer(self._payload or b""))
        self.image = Cutout(sizing_mode="stretch_both")
        self.listen(self.update, "look", "active", "detail", "face")
        self.listen(self.catch_up, "layout")
        self.update()

    @property
    def shown(self) -> bool:
        session = self.session
        return session.detail or (session.face == "image" and super().shown)

    def refresh(self) -> None:
        session = self.session
        table, row = session.table(), session.look.current
        if table is None or row < 0 or row >= table.n_rows:
            self._row = ()
            self._say("")
            return
        if (session.active, row) == self._row:
            return
        key = self._row = (session.active, row)
        names = table.positions()
        if names is None:
            self._say("This result has no position columns, so there is no image to cut out.")
            return
        self.image.busy = True

        def read() -> bytes | None:
            place = table.take(np.array([row]), list(names))
            ra, dec = (place.column(k)[0].as_py() for k in (0, 1))
            if ra is None or dec is None:
                raise TriviewError("This row has no position.")
            stopped = lambda: self._row != key  # noqa: E731 - the user has gone on to another row
            found = self.cutouts.cutouts(float(ra), float(dec), RADIUS, stopped)
            if not found or stopped():
                return None
            return cutout_payload(found, f"{ra:.5f} {dec:+.5f}", (float(ra), float(dec)))

        self.run(read, self._show)

    def _show(self, payload: bytes | None) -> None:
        if payload is None:
            return
        self._payload = payload
        self._serial += 1
        self.image.param.update(url=f"{self._url}?n={self._serial}", message="", busy=False, failed=False)

    def _say(self, words: str, failed: bool = False) -> None:
        self.forget()
        self.image.param.update(
            url="", message=words or "Click an object: its image appears here.", busy=False, failed=failed
        )

    def report(self, error: TriviewError) -> None:
        self._say(f"{error.message} {error.hint}".strip(), True)
