"""Sky and images look at the same place: where one goes the other follows, and the sky offers the coadds below it."""

from __future__ import annotations

from typing import Any

from portal.errors import TriviewError
from portal.session import Session
from portal.vo.soda import Cutouts
from widgets.fits import Fits
from widgets.sky import Sky, SkyOffered

from .base import View
from .feeds import Feeds

CLOSE = 0.05  # deg: narrower than this the pixels of the coadds say more than the tiles
LEAST = 5 / 3600  # deg: radius of the smallest cutout that is worth a request
OFFER = "Coadd images here"


class Place(View):
    """Joins the two views of positions."""

    def __init__(self, session: Session, feeds: Feeds, sky: Sky, image: Fits, cutouts: Cutouts) -> None:
        super().__init__(session, feeds)
        self.sky, self.image, self.cutouts = sky, image, cutouts
        self.take(sky, moved=lambda gesture: self._moved(gesture, "sky"), offered=self._open)
        self.take(image, moved=lambda gesture: self._moved(gesture, "image"))
        self.listen(self._follow, "place", "linked")

    def _moved(self, gesture: Any, who: str) -> None:
        self.session.look_at(gesture.ra, gesture.dec, gesture.fov, who)

    def _follow(self) -> None:
        session = self.session
        if not session.place:
            return
        ra, dec, fov, who = session.place
        self.sky.offer = OFFER if fov <= CLOSE else ""
        if not session.linked:
            return
        if who == "image":
            self.sky.go(ra, dec, fov)
        elif not session.follow:  # cutouts of the row keep to the row
            self.image.go(ra, dec, fov)

    def _open(self, gesture: SkyOffered) -> None:
        """The coadds of all bands where the sky view is now, as wide as it; a row may have moved it since ``place``."""
        ra, dec = gesture.ra, gesture.dec
        radius = max(min(gesture.fov, CLOSE) / 2, LEAST)
        self.run(lambda: [ref.cut(ra, dec, radius) for ref in self.cutouts.coadds(ra, dec)], self._opened)

    def _opened(self, refs: list) -> None:
        self.session.show_images(refs)

    def report(self, error: TriviewError) -> None:
        self.sky.message = f"{error.message} {error.hint}".strip()
