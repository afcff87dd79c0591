"""Sky and images look at the same place: where one goes the other follows."""

from __future__ import annotations

from typing import Any

from portal.session import Session
from widgets.fits import Fits
from widgets.sky import Sky

from .base import View
from .feeds import Feeds


class Place(View):
    """Joins the two views of positions."""

    def __init__(self, session: Session, feeds: Feeds, sky: Sky, image: Fits) -> None:
        super().__init__(session, feeds)
        self.sky, self.image = sky, image
        self.take(sky, moved=lambda gesture: self._moved(gesture, "sky"))
        self.take(image, moved=lambda gesture: self._moved(gesture, "image"))
        self.listen(self._follow, "place", "linked")

    def _moved(self, gesture: Any, who: str) -> None:
        self.session.look_at(gesture.ra, gesture.dec, gesture.fov, who)

    def _follow(self) -> None:
        session = self.session
        if not session.place:
            return
        ra, dec, fov, who = session.place
        if not session.linked:
            return
        if who == "image":
            self.sky.go(ra, dec, fov)
        elif not session.follow:  # cutouts of the row keep to the row
            self.image.go(ra, dec, fov)
