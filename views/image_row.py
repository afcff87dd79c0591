"""Which images a row of a result leads to, and what else it offers: its visit, its detectors, its other bands."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from portal.errors import TriviewError
from portal.look import Look
from portal.table.foreign.sphere import distance
from portal.table.result import ResultTable
from portal.table.selection import selection_sql
from portal.vo import obscore
from portal.vo.obscore import MOST_IMAGES, ImageRef, image_columns, ref_of
from portal.vo.soda import Cutouts

ARCSEC = 1 / 3600
ROUND = 10 * ARCSEC  # radius about an object: it and its surroundings, and quick in six bands
SOURCE_ID = re.compile(r"(object|source|src)_?id$", re.IGNORECASE)
VISIT = ("visit", "visitid", "ccdvisit_visit")
OWN = ("#this", "#preview", "#cutout")
RELATED = 8  # links offered
TILED = 8  # rows shown side by side without being marked: whole exposures are large


class Offer(NamedTuple):
    """Something a row leads to: ``refs``, or what ``adql`` finds; ``rows`` opens that as a result, else as frames."""

    label: str
    title: str
    adql: str = ""
    rows: bool = False
    refs: tuple[ImageRef, ...] = ()


class RowImages(NamedTuple):
    """``kind``: "image" of an ObsCore row, "cutouts" about a position, "exposure" of a visit, "" for none.

    ``place``: ICRS degrees of the row, or empty. ``words`` say why there is no image.
    """

    kind: str = ""
    refs: tuple[ImageRef, ...] = ()
    offers: tuple[Offer, ...] = ()
    place: tuple[float, ...] = ()
    words: str = ""


class Asked(NamedTuple):
    """How much of the images is wanted: a radius in degrees (0: of objects the usual, of images all of it), and where
    the user looked last."""

    radius: float = 0.0
    near: tuple[float, ...] = ()


def row_images(table: ResultTable, row: int, cutouts: Cutouts, asked: Asked) -> RowImages:
    """What row ``row`` leads to. Blocking: asks the archive. Raises TriviewError when it has no image there."""
    names = [column.name for column in table.meta.columns]
    obs, visit, positions = image_columns(names), _visit_columns(names), table.positions()
    wanted = list(dict.fromkeys([*obs.values(), *visit.values(), *(positions or ())]))
    if not wanted:
        return RowImages(words="This result has no position columns, so there is no image to cut out.")
    cells = table.take(np.array([row], np.uint32), wanted).to_pylist()[0]
    place = _place(cells, positions)
    if obs:
        return _image({name: cells[own] for name, own in obs.items()}, place, cutouts, asked)
    number = _whole(cells.get(visit.get("visit", "")))
    detector = _whole(cells.get(visit.get("detector", "")))
    if number is not None and not any(SOURCE_ID.search(name) for name in names):
        return _exposure(number, detector, place, cutouts, asked)
    if not place:
        raise TriviewError("This row has no position.")
    offers = [Offer("Visit images over this position", f"Visits at {_words(place)}", obscore.visits_at(*place), True)]
    if number is not None:
        offers.insert(0, _of_visit(number, detector))
    radius = asked.radius or ROUND
    refs = tuple(ref.cut(*place, radius) for ref in cutouts.coadds(*place))
    return RowImages("cutouts", refs, tuple(offers), place)


def marked_images(table: ResultTable, look: Look, only_marked: bool, asked: Asked) -> tuple[list[ImageRef], int]:
    """(images of the marked rows that are shown, or of the first rows shown, in the table's order; rows there are)."""
    obs = image_columns(column.name for column in table.meta.columns)
    view = look.row_view(table.meta)
    if only_marked:
        tests = [text for text in (view.where, selection_sql(look.clauses)) if text]
        view = view._replace(where=" AND ".join(f"({text})" for text in tests))
    _, cells = table.page(view, 0, MOST_IMAGES if only_marked else TILED, list(obs.values()))
    found: dict[str, ImageRef] = {}
    for cell in cells.to_pylist():
        row = {name: cell[own] for name, own in obs.items()}
        if (ref := ref_of(row)) is None:
            continue
        if asked.radius and (place := _place(row, ("s_ra", "s_dec") if {"s_ra", "s_dec"} <= set(row) else None)):
            ref = ref.cut(*_near(place, asked.near), asked.radius)
        found[ref.key] = ref
    return list(found.values()), table.count(view)


def has_images(table: ResultTable | None) -> bool:
    """Whether rows of this result are images themselves."""
    return table is not None and bool(image_columns(column.name for column in table.meta.columns))


def _image(row: Mapping[str, Any], place: tuple[float, ...], cutouts: Cutouts, asked: Asked) -> RowImages:
    ref = ref_of(row)
    if ref is None:
        return RowImages(place=place, words="This row leads to no image.")
    offers = []
    kind = row.get("dataproduct_subtype")
    if (visit := _whole(row.get("lsst_visit"))) is not None:
        offers.append(_of_visit(visit))
    if bands := obscore.bands_of(row):
        offers.append(Offer("All bands of this patch", ref.title, bands))
    if (kind is None or "oadd" in str(kind)) and row.get("lsst_visit") is None and (over := obscore.visits_over(row)):
        offers.append(Offer("Visit images over this coadd", f"Visits over {ref.title} {ref.band}", over, True))
    offers += _related(ref, cutouts)
    if asked.radius and place:
        ref = ref.cut(*_near(place, asked.near), asked.radius)
    return RowImages("image", (ref,), tuple(offers), place)


def _related(ref: ImageRef, cutouts: Cutouts) -> list[Offer]:
    """The other FITS images that the links of an image name: its raw image, its difference."""
    if ref.source != "links":
        return []
    try:
        links = cutouts.files.links(ref)
    except TriviewError:
        return []  # fetching the image itself tells what is wrong
    offers = []
    for row in links.rows:
        url, words = str(row.get("access_url") or ""), str(row.get("description") or row.get("semantics") or "")[:80]
        if not url or "fits" not in str(row.get("content_type")).lower() or row.get("semantics") in OWN:
            continue
        title = f"{words} · {ref.title}" if ref.title not in words else words
        offers.append(Offer(words, url, refs=(ImageRef(url, title[:200], ref.band, "file", url),)))
    return offers[:RELATED]


def _near(place: tuple[float, ...], near: tuple[float, ...]) -> tuple[float, float]:
    """Where to cut: where the user looked last when that is inside the image, as far as its centre tells."""
    if near and distance(*place[:2], *near[:2]) < 0.1:
        return near[0], near[1]
    return place[0], place[1]


def _exposure(visit: int, detector: int | None, place: tuple, cutouts: Cutouts, asked: Asked) -> RowImages:
    if detector is None:
        return RowImages("exposure", (), (_of_visit(visit),), place, f"Visit {visit}: open its detectors under More.")
    refs = found(cutouts, obscore.of_visit(visit, detector))
    if not refs:
        raise TriviewError(f"The archive has no image of visit {visit}, detector {detector}.")
    if asked.radius and place:
        refs = [ref.cut(*_near(place, asked.near), asked.radius) for ref in refs]
    return RowImages("image", tuple(refs[:1]), (_of_visit(visit),), place)


def found(cutouts: Cutouts, adql: str) -> list[ImageRef]:
    """The images that a query for rows of ObsCore finds. Raises TriviewError."""
    return [ref for ref in map(ref_of, cutouts.rows(adql)) if ref is not None]


def _of_visit(visit: int, detector: int | None = None) -> Offer:
    if detector is None:
        return Offer("Detectors of this visit", f"Visit {visit}", obscore.of_visit(visit))
    return Offer("The visit image itself", f"Visit {visit}-{detector}", obscore.of_visit(visit, detector))


def _visit_columns(names: list[str]) -> dict[str, str]:
    known = {name.lower(): name for name in names}
    found = {"visit": next((known[name] for name in VISIT if name in known), "")}
    if "detector" in known:
        found["detector"] = known["detector"]
    return {name: own for name, own in found.items() if own}


def _place(cells: Mapping[str, Any], names: tuple[str, str] | None) -> tuple[float, ...]:
    if names is None or cells[names[0]] is None or cells[names[1]] is None:
        return ()
    ra, dec = float(cells[names[0]]), float(cells[names[1]])
    return (ra, dec) if math.isfinite(ra) and abs(dec) <= 90 else ()


def _whole(value: Any) -> int | None:
    """A number of a visit or detector; None for cells that hold none, as columns of one's own may."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _words(place: tuple[float, ...]) -> str:
    return f"{place[0]:.5f} {place[1]:+.5f}"
