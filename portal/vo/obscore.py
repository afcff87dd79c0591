"""Images a page can show, as plain values that are saved with it: where each comes from and what of it is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

MOST_IMAGES = 24  # of one page at a time: as many as the grid of the viewer shows
BANDS = "ugrizy"
SOURCES = ("links", "file", "upload")
TEXT = 2000  # characters of a title or an address that is saved


class ImageRef(NamedTuple):
    """One image, or a cutout of it.

    ``source`` says what ``url`` is: "links" a DataLink document (its ``#this``, or its SODA service when ``circle`` is
    given), "file" a FITS file, "upload" the name of a file the user gave. ``did`` is ObsCore's obs_publisher_did.
    ``circle`` is (ra, dec, radius) in ICRS degrees, or empty for the whole.
    """

    key: str
    title: str
    band: str = ""
    source: str = "links"
    url: str = ""
    did: str = ""
    circle: tuple[float, ...] = ()

    def to_json(self) -> list[Any]:
        return [*self[:-1], list(self.circle)]


def refs_from_json(docs: Any) -> tuple[ImageRef, ...]:
    """The inverse of ``to_json`` for a list. What does not fit is left out: an old state must not stop a page."""
    found: dict[str, ImageRef] = {}
    for doc in docs if isinstance(docs, list) else ():
        if not isinstance(doc, list) or len(doc) != len(ImageRef._fields):
            continue
        *texts, circle = doc
        good = all(isinstance(text, str) and len(text) <= TEXT for text in texts) and isinstance(circle, list)
        if good and len(circle) in (0, 3) and all(isinstance(item, int | float) for item in circle):
            ref = ImageRef(*texts, tuple(map(float, circle)))
            if ref.source in SOURCES:
                found[ref.key] = ref
    return tuple(found.values())[:MOST_IMAGES]


def by_band(refs: Iterable[ImageRef]) -> tuple[ImageRef, ...]:
    """The images in the order of their bands, u g r i z y first; those of a band stay in their order."""
    return tuple(sorted(refs, key=lambda ref: BANDS.find(ref.band) if len(ref.band) == 1 and ref.band in BANDS else 9))
