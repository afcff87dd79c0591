"""The images: those of the current row or those that were opened, shown in frames below a line that leads to more."""

from __future__ import annotations

from collections.abc import Sequence

from portal.errors import FormatError, TriviewError
from portal.image.answers import answer
from portal.session import Session
from portal.vo.obscore import MOST_IMAGES, ImageRef, by_band
from portal.vo.soda import Cutouts
from widgets.fits import Fits
from widgets.frames import FrameBar

from .base import View
from .feeds import Answer, Feeds
from .image_loads import Loads
from .image_row import ARCSEC, Asked, Offer, RowImages, found, has_images, marked_images, row_images

SIZES = {"20″": 10 * ARCSEC, "1′": 30 * ARCSEC, "3′": 90 * ARCSEC, "10′": 300 * ARCSEC, "whole": 0.0}
OF_OBJECTS = ("20″", "1′", "3′")
OF_IMAGES = ("whole", "10′", "3′", "1′")
ADDRESS = ("http://", "https://")


class Image(View):
    """Frames of images, with a line above them."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, cutouts: Cutouts) -> None:
        super().__init__(session, feeds)
        self.cutouts = cutouts
        self.loads = Loads(cutouts.files, session.post, lambda: self._guarded(self._tell))
        self._row: tuple = ()
        self._found = RowImages()
        self._shut: set[str] = set()  # images of the row that the user has closed
        self._kind = ""
        self._arranged: dict[str, str] = {"cutouts": "colour"}
        self._sizes = {"cutouts": OF_OBJECTS[0], "image": OF_IMAGES[0]}
        self._offers: list[Offer] = []
        self._note: tuple = ((), "")  # the images opened together, and what must be known of them
        url = self.feed(self._answer)
        self.image = Fits(url=url, sizing_mode="stretch_both")
        self.bar = FrameBar(sizing_mode="stretch_width")
        self.take(
            self.image,
            clicked=lambda gesture: session.point_at(gesture.row),
            closed=lambda gesture: self._close(gesture.id),
            asked=lambda gesture: self._asked(gesture.what, gesture.id),
        )
        self.take(
            self.bar,
            followed=lambda gesture: session.follow_row(gesture.on),
            offered=lambda gesture: self._take(gesture.place),
            sized=lambda gesture: self._size(gesture.size),
            opened=lambda gesture: self._open(gesture.url),
            stopped=lambda _: self._stop(),
            cleared=lambda _: session.param.update(images=(), follow=True),
        )
        self.listen(self.update, "look", "active", "detail", "face", "images", "follow")
        self.listen(self.catch_up, "layout")
        self.update()

    @property
    def shown(self) -> bool:
        session = self.session
        return session.detail or (session.face == "image" and super().shown)

    # -- what is to be shown -------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session = self.session
        note = self._note[1] if self._note[0] == session.images and not session.follow else ""
        self.bar.param.update(follow=session.follow, opened_count=len(session.images), note=note)
        self._read_row()
        if not session.follow:
            self._want(session.images, "opened")

    def _read_row(self) -> None:
        session = self.session
        job = session.job(session.active)
        if session.look.current < 0 and job is not None and job.kind == "measure":
            return  # what was measured on these images has become a table: they stay
        table, row = session.table(), session.look.current
        if table is None or not 0 <= row < table.n_rows:
            self.forget()
            self._row, self._found = (), RowImages()
            self._offer()
            if session.follow:
                self._want((), "")
                self._say("Click a row: its images appear here.")
            return
        if self._row == (session.active, row):
            self._offer()
            if session.follow:
                self._show_row()
            return
        self._row = (session.active, row)
        self._shut.clear()
        which = self._wanted("image" if has_images(table) else "cutouts")
        self.image.busy = True
        self.run(lambda: row_images(table, row, self.cutouts, which), self._arrived_row, self._no_row)

    def _wanted(self, kind: str) -> Asked:
        return Asked(SIZES[self._sizes[kind]], self.session.place[:2])

    def _arrived_row(self, answer: RowImages) -> None:
        self._found = answer
        self.image.param.update(busy=False, position=answer.place or None)
        self._offer()
        if self.session.follow:
            self._show_row()

    def _no_row(self, error: TriviewError) -> None:
        self._found = RowImages()
        self.image.param.update(busy=False, position=None)
        self._offer()
        if self.session.follow:
            self._want((), "")
            self._say(f"{error.message} {error.hint}".strip(), True)

    def _show_row(self) -> None:
        self._want([ref for ref in self._found.refs if ref.key not in self._shut], self._found.kind)
        if not self._found.refs:
            self._say(self._found.words)

    def _want(self, refs: Sequence[ImageRef], kind: str) -> None:
        """Show these, arranged as the user had images of that kind last."""
        old = next((load.band for load in self.loads if load.id == self.image.current), "")
        self.loads.want(refs)
        if kind and kind != self._kind:
            self._arranged[self._kind] = self.image.arrangement
            self._kind = kind
            usual = "grid" if kind == "opened" and len(refs) > 1 else "single"
            self.image.arrangement = self._arranged.get(kind, usual)
        if refs:
            self._say("")
        self._tell()
        bands = {load.id: load.band for load in self.loads}
        if self.image.current not in bands:  # the same band of the next object
            self.image.current = next((id for id, band in bands.items() if band == old and band), "")

    def _tell(self) -> None:
        """What the viewer and the line above it say of the images."""
        if not self._ended:
            self.image.frames = [load.described() for load in self.loads]
            self.bar.progress = self.loads.progress()

    def _answer(self, asked: dict[str, str]) -> Answer:
        """What the viewer asks of a frame; runs in a thread. Of one that has just been closed nobody waits for it."""
        ids = [id for name in ("f", "to", "lead") if name in asked for id in asked[name].split(",")]
        if any(id not in self.loads.frames for id in ids):
            return Answer(b"")
        return Answer(*answer(self.loads.frames, asked))

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _close(self, id: str) -> None:
        load = self.loads.find(id)
        if load is None:
            return
        if self.session.follow:
            self._shut.add(load.ref.key)
            self._show_row()
        else:
            self.session.close_image(load.ref.key)

    def _asked(self, what: str, id: str) -> None:
        load, (kind, _, which) = self.loads.find(id), what.partition("=")
        if load is not None and kind == "retry":
            self.loads.retry(load)
        elif load is not None and kind in ("hdu", "plane"):
            self.loads.turn(load, kind, which)
        self._tell()

    def _stop(self) -> None:
        self.forget("offer")
        self.loads.stop()
        self._tell()

    def _size(self, size: str) -> None:
        kind = "image" if self._found.kind == "image" else "cutouts"
        if size in SIZES:
            self._sizes[kind] = size
            self._row = ()
            self._read_row()

    def _open(self, url: str) -> None:
        if not url.lower().startswith(ADDRESS):
            raise FormatError(f"{url[:80]!r} is not an address.", "It begins with https://.")
        self.session.add_image(ImageRef(url, url.rpartition("/")[2][:80] or url, source="url", url=url))

    # -- what else there is --------------------------------------------------------------------------------------
    def _offer(self) -> None:
        session, kind = self.session, self._found.kind
        offers = list(self._found.offers)
        if has_images(session.table()):
            if session.look.clauses:
                offers.append(Offer("Open the marked rows", "marked"))
            offers.append(Offer("Tile the first rows shown", "first"))
        self._offers = offers
        sizes = {"cutouts": OF_OBJECTS, "image": OF_IMAGES}.get(kind, ()) if session.follow else ()
        self.bar.param.update(
            offers=[
                {"label": offer.label, "note": offer.title if offer.adql or offer.refs else ""} for offer in offers
            ],
            sizes=list(sizes),
            size=self._sizes.get(kind, ""),
        )

    def _take(self, place: int) -> None:
        if not 0 <= place < len(self._offers):
            return
        offer, session = self._offers[place], self.session
        if offer.rows:
            session.submit(offer.adql, offer.title)
            return
        if offer.refs:
            session.add_image(offer.refs[0])
            return
        self.bar.progress = "Asking …"
        if offer.adql:
            self.run(lambda: (list(by_band(found(self.cutouts, offer.adql))), 0), self._opened, slot="offer")
        else:
            table, look, marked, asked = session.table(), session.look, offer.title == "marked", self._wanted("image")
            # All at one place, else images that move together would lie beside each other.
            asked = asked._replace(near=asked.near or self._found.place)
            self.run(lambda: marked_images(table, look, marked, asked), self._opened, slot="offer")

    def _opened(self, answer: tuple[list[ImageRef], int]) -> None:
        refs, rows = answer
        self.bar.progress = ""
        if not refs:
            raise TriviewError("There is no image of it in the archive.")
        shown, total = tuple(refs[:MOST_IMAGES]), max(rows, len(refs))
        self._note = shown, f"{len(shown)} of {total:,} images" if total > len(shown) else ""
        self.session.show_images(shown)

    # -- telling -------------------------------------------------------------------------------------------------
    def _say(self, words: str, failed: bool = False) -> None:
        self.image.param.update(message=words, failed=failed)

    def report(self, error: TriviewError) -> None:
        self._tell()
        super().report(error)

    def end(self) -> None:
        super().end()
        self.loads.end()
