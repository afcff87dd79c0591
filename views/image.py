"""The images: those of the current row or those that were opened, fetched one by one and shown in frames."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from portal.errors import CancelledError, FormatError, TriviewError
from portal.image import Frame, Frames, ImageFile
from portal.image.answers import answer
from portal.session import Session
from portal.vo.obscore import MOST_IMAGES, ImageRef, by_band
from portal.vo.soda import Cutouts
from widgets.fits import Fits
from widgets.frames import FrameBar

from .base import View
from .feeds import Answer, Feeds
from .image_row import ARCSEC, Asked, Offer, RowImages, found, has_images, marked_images, row_images

TOLD = 0.3  # seconds between two words about how far an image is
SIZES = {"20″": 10 * ARCSEC, "1′": 30 * ARCSEC, "3′": 90 * ARCSEC, "10′": 300 * ARCSEC, "whole": 0.0}
OF_OBJECTS = ("20″", "1′", "3′")
OF_IMAGES = ("whole", "10′", "3′", "1′")
COLOUR_BANDS = 3
ADDRESS = ("http://", "https://")


class Load:
    """One image on its way to a frame. ``state``: "loading", "ready" or "failed"."""

    def __init__(self, ref: ImageRef, id: str) -> None:
        self.ref, self.id = ref, id
        self.stop = threading.Event()
        self.state, self.message = "loading", "Waiting …"
        self.band = ref.band
        self.version = 0
        self.told = 0.0

    def described(self) -> dict[str, Any]:
        """As the viewer takes it."""
        words = {"id": self.id, "title": self.ref.title, "band": self.band, "state": self.state}
        return {**words, "message": self.message, "version": self.version}


class Image(View):
    """Frames of images, with a line above them."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, cutouts: Cutouts) -> None:
        super().__init__(session, feeds)
        self.cutouts = cutouts
        self.files = cutouts.files
        self.frames = Frames()
        self._numbers = itertools.count(1)
        self._loads: dict[str, Load] = {}
        self._row: tuple = ()
        self._found = RowImages()
        self._shut: set[str] = set()  # images of the row that the user has closed
        self._kind = ""
        self._arranged: dict[str, str] = {"cutouts": "colour"}
        self._sizes = {"cutouts": OF_OBJECTS[0], "image": OF_IMAGES[0]}
        self._offers: list[Offer] = []
        url = self.feed(lambda asked: Answer(*answer(self.frames, asked)))
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
        self.bar.param.update(follow=session.follow, opened_count=len(session.images))
        self._read_row()
        if not session.follow:
            self._want(session.images, "opened")

    def _read_row(self) -> None:
        session = self.session
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
        asked = {kind: Asked(SIZES[size], session.place[:2]) for kind, size in self._sizes.items()}
        self.image.busy = True
        which = asked["image" if has_images(table) else "cutouts"]
        self.run(lambda: row_images(table, row, self.cutouts, which), self._arrived_row, self._no_row)

    def _arrived_row(self, answer: RowImages) -> None:
        self._found = answer
        self.image.param.update(busy=False, position=answer.place or None)
        self._offer()
        if self.session.follow:
            self._show_row()

    def _no_row(self, error: TriviewError) -> None:
        self._found = RowImages()
        self.image.busy = False
        self._offer()
        if self.session.follow:
            self._want((), "")
            self._say(f"{error.message} {error.hint}".strip(), True)

    def _show_row(self) -> None:
        self._want([ref for ref in self._found.refs if ref.key not in self._shut], self._found.kind)
        if not self._found.refs:
            self._say(self._found.words)

    def _want(self, refs: Sequence[ImageRef], kind: str) -> None:
        """Show these: what is there stays, what is missing is fetched, what is not wanted ends."""
        before, self._loads = self._loads, {}
        old = next((load.band for load in before.values() if load.id == self.image.current), "")
        for ref in refs:
            load = before.pop(ref.key, None)
            self._loads[ref.key] = load or Load(ref, f"i{next(self._numbers)}")
        for load in before.values():
            self._end_load(load)
        if kind and kind != self._kind:
            self._arranged[self._kind] = self.image.arrangement
            self._kind = kind
            usual = "grid" if kind == "opened" and len(refs) > 1 else "single"
            self.image.arrangement = self._arranged.get(kind, usual)
        for load in self._loads.values():
            if load.state == "loading" and not load.told:
                self._start(load)
        if refs:
            self._say("")
        self._tell()
        ids = {load.id: load.band for load in self._loads.values()}
        if self.image.current not in ids:  # the same band of the next object
            self.image.current = next((id for id, band in ids.items() if band == old and band), "")

    # -- fetching ------------------------------------------------------------------------------------------------
    def _start(self, load: Load) -> None:
        load.told = time.monotonic()
        future = self.files.start(self._fetch, load)
        future.add_done_callback(lambda done: self.session.post(lambda: self._fetched(load, done)))

    def _fetch(self, load: Load) -> Frame:
        """In a thread."""
        if load.stop.is_set():
            raise CancelledError("Stopped.")

        def tell(words: str) -> None:
            now = time.monotonic()
            if now - load.told >= TOLD:
                load.told, load.message = now, words
                self.session.post(self._tell)

        with self.files.file(load.ref, load.stop, tell) as path:
            return ImageFile.open(path, load.ref.title, self.files.scratch(), load.ref.did or load.ref.url).frame()

    def _fetched(self, load: Load, done: Future) -> None:
        if self._ended or done.cancelled() or self._loads.get(load.ref.key) is not load:
            return
        error = done.exception()
        if error is None:
            frame = done.result()
            frame.id = load.id
            load.band = load.band or frame.band
            try:
                self.frames.add(frame)
                load.state, load.message = "ready", ""
            except TriviewError as full:
                error = full
        if isinstance(error, TriviewError):
            load.state, load.message = "failed", f"{error.message} {error.hint}".strip()
        elif error is not None:
            load.state, load.message = "failed", f"Unexpected failure: {type(error).__name__}: {error}"
        self._guarded(self._tell)

    def _tell(self) -> None:
        if self._ended:
            return
        loads = list(self._loads.values())
        self.image.frames = [load.described() for load in loads]
        waiting = [load for load in loads if load.state == "loading"]
        words = ""
        if waiting:
            done = len(loads) - len(waiting)
            words = f"{done} of {len(loads)} images · {waiting[0].message}" if len(loads) > 1 else waiting[0].message
        self.bar.progress = words

    def _end_load(self, load: Load) -> None:
        load.stop.set()
        self.frames.close(load.id)

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _load_of(self, id: str) -> Load | None:
        return next((load for load in self._loads.values() if load.id == id), None)

    def _close(self, id: str) -> None:
        load = self._load_of(id)
        if load is None:
            return
        if self.session.follow:
            self._shut.add(load.ref.key)
            self._show_row()
        else:
            self.session.close_image(load.ref.key)

    def _asked(self, what: str, id: str) -> None:
        load = self._load_of(id)
        if load is None or what != "retry":
            return
        load.stop.set()
        again = self._loads[load.ref.key] = Load(load.ref, load.id)
        again.version = load.version + 1
        self.frames.close(id)
        self._start(again)
        self._tell()

    def _stop(self) -> None:
        for load in self._loads.values():
            if load.state == "loading":
                load.stop.set()
                load.state, load.message = "failed", "Stopped."
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
                offers.append(Offer("Open the marked rows", "marked", ""))
            offers.append(Offer("Tile the first rows shown", "first", ""))
        self._offers = offers
        sizes = {"cutouts": OF_OBJECTS, "image": OF_IMAGES}.get(kind, ()) if session.follow else ()
        self.bar.param.update(
            offers=[{"label": offer.label, "note": offer.title if offer.adql else ""} for offer in offers],
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
        self.bar.progress = "Asking …"
        if offer.adql:
            self.run(lambda: (list(by_band(found(self.cutouts, offer.adql))), 0), self._opened, slot="offer")
        else:
            table, look, marked = session.table(), session.look, offer.title == "marked"
            self.run(lambda: marked_images(table, look, marked), self._opened, slot="offer")

    def _opened(self, answer: tuple[list[ImageRef], int]) -> None:
        refs, rows = answer
        self.bar.progress = ""
        if not refs:
            raise TriviewError("There is no image of it in the archive.")
        total = max(rows, len(refs))
        self.bar.note = f"{min(len(refs), MOST_IMAGES)} of {total:,} images" if total > len(refs[:MOST_IMAGES]) else ""
        self.session.show_images(refs[:MOST_IMAGES])

    # -- telling -------------------------------------------------------------------------------------------------
    def _say(self, words: str, failed: bool = False) -> None:
        self.image.param.update(message=words, failed=failed)

    def report(self, error: TriviewError) -> None:
        self._tell()
        super().report(error)

    def end(self) -> None:
        super().end()
        for load in self._loads.values():
            self._end_load(load)
        self.frames.close()
