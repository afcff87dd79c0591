"""ObsCore 1.1: from a row of a result to the image behind it, and the queries for images that belong together.

An ``ImageRef`` is a plain value: it is saved with the page and found again by its dataset id or its DataLink address,
which last, while signed addresses of files do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MOST_IMAGES = 24  # of one page at a time: as many as the grid of the viewer shows
BANDS = "ugrizy"
SOURCES = ("links", "file", "url", "upload")
TEXT = 2000  # characters of a title or an address that is saved
COADDS = ("lsst.deep_coadd", "lsst.deepCoadd_calexp")  # DP1 and later; DP0.2
VISITS = ("lsst.visit_image", "lsst.calexp")
COLUMNS = (
    "dataproduct_type", "dataproduct_subtype", "obs_title", "obs_id", "obs_publisher_did", "access_url",
    "access_format", "s_ra", "s_dec", "s_region", "lsst_band", "lsst_visit", "lsst_detector", "lsst_tract",
    "lsst_patch",
)  # fmt: skip
REGION = re.compile(r"(POLYGON|CIRCLE)(?:\s+ICRS)?((?:\s+[-+.\deE]+){3,400})\s*", re.IGNORECASE)


class ImageRef(NamedTuple):
    """One image, or a cutout of it.

    ``source`` says what ``url`` is: "links" a DataLink document (its ``#this``, or its SODA service when ``circle`` is
    given), "file" a FITS file, "url" one at an address that a user typed, "upload" the key of a file that a user gave.
    ``did`` is ObsCore's obs_publisher_did.
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

    def cut(self, ra: float, dec: float, radius: float) -> ImageRef:
        """The part of this image in a circle (ICRS degrees); itself when its archive names a file and no cutouts."""
        if self.source != "links":
            return self
        name = f"{self.did or self.url}|{ra:.7f},{dec:.7f},{radius:.7f}"
        return self._replace(key=name, circle=(ra, dec, radius))


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


# -- rows --------------------------------------------------------------------------------------------------------------
def image_columns(names: Iterable[str]) -> dict[str, str]:
    """ObsCore's name to the result's own of each column in ``COLUMNS`` that is there; empty when no row is an image."""
    known = {name.lower(): name for name in names}
    return {name: known[name] for name in COLUMNS if name in known} if "access_url" in known else {}


def ref_of(row: Mapping[str, Any]) -> ImageRef | None:
    """The image of a row (values by ObsCore's names); None when it has none."""
    url = str(row.get("access_url") or "")
    if not url or len(url) > TEXT or (row.get("dataproduct_type") or "image") not in ("image", "cube"):
        return None
    form = str(row.get("access_format") or "").lower()
    did = str(row.get("obs_publisher_did") or "")
    source = "file" if "fits" in form else "links"
    return ImageRef(did or url, title_of(row), str(row.get("lsst_band") or ""), source, url, did)


def title_of(row: Mapping[str, Any]) -> str:
    """What to call the image of a row: its kind and data id, else what ObsCore calls it."""
    kind = str(row.get("dataproduct_subtype") or "").rpartition(".")[2]
    for one, other in (("lsst_visit", "lsst_detector"), ("lsst_tract", "lsst_patch")):
        numbers = [str(row[name]) for name in (one, other) if row.get(name) is not None]
        if numbers:
            return f"{kind} {'-'.join(numbers)}".strip()
    return str(row.get("obs_title") or row.get("obs_id") or kind or "Image")[:200]


# -- queries -----------------------------------------------------------------------------------------------------------
def _select(where: str, columns: str = "*") -> str:
    return f"SELECT {columns} FROM ivoa.ObsCore WHERE {where}"


def _one_of(names: Iterable[str]) -> str:
    return f"dataproduct_subtype IN ({', '.join(map(_text, names))})"


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def region_adql(text: Any) -> str:
    """An s_region (DALI or STC-S: POLYGON or CIRCLE in ICRS) as ADQL; "" for what is neither."""
    found = REGION.fullmatch(str(text or "").strip())
    if not found:
        return ""
    try:
        numbers = [float(word) for word in found[2].split()]
    except ValueError:
        return ""
    kind = found[1].upper()
    fits = len(numbers) == 3 if kind == "CIRCLE" else len(numbers) >= 6 and len(numbers) % 2 == 0
    return f"{kind}('ICRS', {', '.join(map(repr, numbers))})" if fits and all(map(math.isfinite, numbers)) else ""


def coadds_at(ra: float, dec: float) -> str:
    """The query for the coadds over a position (ICRS degrees)."""
    return _select(f"{_one_of(COADDS)}\n  AND CONTAINS(POINT('ICRS', {float(ra)!r}, {float(dec)!r}), s_region) = 1")


def visits_at(ra: float, dec: float) -> str:
    """The query for the visit images over a position, in order of time."""
    return (
        _select(f"{_one_of(VISITS)}\n  AND CONTAINS(POINT('ICRS', {float(ra)!r}, {float(dec)!r}), s_region) = 1")
        + "\nORDER BY t_min"
    )


def visits_over(row: Mapping[str, Any]) -> str:
    """The query for the visit images a coadd was made from, as far as ObsCore tells: in its band, sharing sky with it.

    "" when the row does not tell where it lies.
    """
    region = region_adql(row.get("s_region"))
    if not region:
        return ""
    band = f"\n  AND lsst_band = {_text(row['lsst_band'])}" if row.get("lsst_band") else ""
    return _select(f"{_one_of(VISITS)}{band}\n  AND INTERSECTS(s_region, {region}) = 1") + "\nORDER BY t_min"


def of_visit(visit: int, detector: int | None = None) -> str:
    """The query for the images of a visit's detectors, or of one of them."""
    where = f"{_one_of(VISITS)}\n  AND lsst_visit = {int(visit)}"
    return (
        _select(where if detector is None else f"{where} AND lsst_detector = {int(detector)}")
        + "\nORDER BY lsst_detector"
    )


def bands_of(row: Mapping[str, Any]) -> str:
    """The query for a coadd in all bands; "" for what is no coadd."""
    try:
        tract, patch = int(row["lsst_tract"]), int(row["lsst_patch"])
    except (KeyError, TypeError, ValueError):
        return ""
    if not row.get("dataproduct_subtype"):
        return ""
    return _select(
        f"dataproduct_subtype = {_text(row['dataproduct_subtype'])}"
        f"\n  AND lsst_tract = {tract} AND lsst_patch = {patch}"
    )
