"""Footprints as MOCs: of the survey, of the coadds of each band, and of the single visits in each band.

Knows where images lie (from ObsCore and the sample's fields); knows nothing of HTTP.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.table import Table

if TYPE_CHECKING:
    from mocpy import MOC

    from .app import Archive

BANDS = "ugrizy"
SURVEY = "survey"
ORDER = 11  # cells of 1.7 arcmin: a quarter of a detector, and MOCs of a few kilobytes
VISITS = "lsst.visit_image"
NAMES = (SURVEY, "color_gri", *(f"band_{band}" for band in BANDS), *(f"visits_{band}" for band in BANDS))
TYPES = {"fits": "application/fits", "json": "application/json", "txt": "text/plain; charset=utf-8"}


class Footprint(NamedTuple):
    """One line of the list; ``url`` is that of the FITS file, beside which .json and .txt lie."""

    name: str
    title: str
    url: str
    text_url: str
    order: int
    sky_fraction: float


def title(name: str) -> str:
    """What a footprint is, in a few words."""
    if name == SURVEY:
        return "Sample sky: the fields of the deep coadds"
    kind, _, band = name.partition("_")
    return f"Sample sky: {'deep coadds' if kind == 'band' else 'single visits'}, {band} band"


def listed(archive: Archive, base: str) -> list[Footprint]:
    """The footprints there are, with their addresses below ``base``."""
    found = []
    for name in NAMES:
        if name == "color_gri":  # a picture of the same coadds
            continue
        moc = footprint(archive, name)
        if moc is not None:
            url = f"{base}/api/hips/mocs/{name}"
            fraction = float(f"{moc.sky_fraction:.5g}")
            found.append(Footprint(name, title(name), f"{url}.fits", f"{url}.txt", int(moc.max_order), fraction))
    return found


def ipac(footprints: list[Footprint]) -> str:
    """The list as an IPAC table."""
    out = io.StringIO()
    Table(rows=footprints, names=Footprint._fields).write(out, format="ascii.ipac")
    return out.getvalue()


def served(archive: Archive, name: str, form: str) -> bytes | None:
    """A footprint's file in one of the forms of ``TYPES``; None when there are no such images."""
    from portal.sky.moc import moc_bytes

    moc = footprint(archive, name)
    return None if moc is None else moc_bytes(moc, form)


def footprint(archive: Archive, name: str) -> MOC | None:
    """The MOC called ``name``, made once; None when no image was taken."""
    return archive.store.kept(f"moc {name}", _make, archive, name)


def _make(archive: Archive, name: str) -> MOC | None:
    from .sample.coverage import coverage, coverage_of_outlines

    if not name.startswith("visits_"):
        return coverage(archive.images.pixels().tiles.fields, ORDER)
    sql = f"SELECT s_region FROM \"ivoa.ObsCore\" WHERE dataproduct_subtype = '{VISITS}' AND lsst_band = ?"
    cursor = archive.store.cursor()
    try:
        archive.store.view(cursor, "ivoa.ObsCore", sql)
        regions = [region for (region,) in cursor.execute(sql, [name[-1]]).fetchall() if region]
    finally:
        archive.store.release(cursor)
    if not regions:
        return None
    corners = np.array([[float(part) for part in region.split()[2:10]] for region in regions])
    return coverage_of_outlines(corners[:, 0::2], corners[:, 1::2], ORDER)
