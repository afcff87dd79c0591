"""Rows on images and regions as clauses, held against numpy on the sphere; what was measured as tables."""

from __future__ import annotations

import json
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from portal.errors import FormatError, LimitError, TriviewError
from portal.image import Frame, Frames, Lsst
from portal.image.catalogue import MOST_ROWS, region_clause, rows_bytes
from portal.image.extract import extract
from portal.image.frame import Planes
from portal.image.masks import MaskBit
from portal.image.profile import profile
from portal.table.clauses import Clause
from portal.table.columns import Column, TableMeta
from portal.table.in_adql import AdqlWriter
from portal.table.result import ResultTable
from tests.portal.image.wcs_kit import tan_sip

RA = Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main")
DEC = Column("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main")


def around(ra: float, dec: float, n: int, radius: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    spots = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, radius * np.sqrt(rng.random(n)) * u.deg
    )
    return spots.ra.deg, spots.dec.deg


def result(tmp_path: Path, ra: np.ndarray, dec: np.ndarray) -> ResultTable:
    meta = TableMeta((RA, DEC))
    rows = pa.table([pa.array(ra), pa.array(dec)], schema=meta.to_schema())
    return ResultTable.from_arrow(tmp_path / "rows", meta, rows)


def read(content: bytes) -> tuple:
    n, more, current, colour = struct.unpack_from("<4I", content)
    x, y = np.frombuffer(content, "<f4", n, 16), np.frombuffer(content, "<f4", n, 16 + 4 * n)
    rows, marked = np.frombuffer(content, "<u4", n, 16 + 8 * n), np.frombuffer(content, "u1", n, 16 + 12 * n)
    assert len(content) == 16 + 13 * n
    return more, current, colour, x, y, rows, marked


@pytest.mark.parametrize("where", [(62.0, -37.0), (0.0, 20.0), (120.0, 89.995)])
def test_rows_lie_on_their_pixels(tmp_path: Path, where: tuple) -> None:
    ra, dec = around(*where, 4000, 0.03)
    ra[7] = np.nan
    with closing(result(tmp_path, ra, dec)) as table:
        frame = Frame("r", Planes(np.zeros((400, 400), "f4"), wcs=tan_sip(*where)))
        clause = Clause("sky", f'"dec" > {np.nanmedian(dec)}', "up")
        box = (50, 100, 300, 350)
        more, current, colour, x, y, rows, marked = read(rows_bytes(frame, table, "", (clause,), 5, "#0077bb", box))
        wx, wy = frame.pixels_of(ra, dec)
        with np.errstate(invalid="ignore"):
            inside = np.flatnonzero((wx >= 49.5) & (wx < 299.5) & (wy >= 99.5) & (wy < 349.5))
        assert len(inside) > 100 and sorted(rows) == inside.tolist() and more == 0
        assert np.allclose(x, wx[rows], atol=1e-4) and np.allclose(y, wy[rows], atol=1e-4)
        assert (marked == (dec[rows] > np.nanmedian(dec))).all() and (current, colour) == (5, 0x0077BB)
        shown = read(rows_bytes(frame, table, f'"dec" > {np.nanmedian(dec)}', (), -1, "", box))
        assert set(shown[5]) == set(rows[marked == 1]) and shown[1:3] == (0xFFFFFFFF, 0xFFFFFFFF)


def test_of_too_many_rows_the_marked_ones_come(tmp_path: Path) -> None:
    ra, dec = around(62.0, -37.0, 60_000, 0.01)
    with closing(result(tmp_path, ra, dec)) as table:
        frame = Frame("r", Planes(np.zeros((400, 400), "f4"), wcs=tan_sip()))
        low = np.sort(dec)[500]
        clause = Clause("sky", f'"dec" < {low}', "low")
        found = read(rows_bytes(frame, table, "", (clause,), 59_999, "", (0, 0, 400, 400)))
        wx, wy = frame.pixels_of(ra, dec)
        inside = (wx > -0.5) & (wx < 399.5) & (wy > -0.5) & (wy < 399.5)
        assert len(found[5]) == MOST_ROWS and found[0] == inside.sum() - MOST_ROWS and found[5][0] == 59_999
        assert found[6].sum() == (inside & (dec < low)).sum()


@pytest.mark.parametrize("where", [(62.0, -37.0), (359.9999, 0.0), (10.0, -89.99)])
def test_regions_as_clauses(tmp_path: Path, where: tuple) -> None:
    ra, dec = around(*where, 3000, 0.02, 3)
    spots, centre = SkyCoord(ra, dec, unit="deg"), SkyCoord(*where, unit="deg")
    far, angle = centre.separation(spots).arcsec, centre.position_angle(spots).deg
    along, across = far * np.cos(np.radians(angle - 30)), far * np.sin(np.radians(angle - 30))
    with closing(result(tmp_path, ra, dec)) as table:
        wanted = {
            ("circle", (40.0,), 0.0): far <= 40,
            ("annulus", (20.0, 50.0), 0.0): (far > 20) & (far <= 50),
            ("box", (60.0, 20.0), 30.0): (abs(along) <= 30) & (abs(across) <= 10),
            ("ellipse", (60.0, 20.0), 30.0): (along / 60) ** 2 + (across / 20) ** 2 <= 1,
        }
        for (kind, sizes, turn), held in wanted.items():
            clause = region_clause(("ra", "dec"), kind, where, sizes, turn)
            found = np.zeros(len(ra), bool)
            found[table.where(clause.sql)] = True
            assert held.sum() > 20 and clause.source == "image"
            assert (found != held).sum() <= (4 if kind == "ellipse" else 0), kind  # of 72 corners
            said = AdqlWriter({"ra": "ra", "dec": "dec"}, lambda sql: ("", [])).selection((clause,))
            assert ("CIRCLE" if kind in ("circle", "annulus") else "POLYGON") in said
    refused = [
        ("circle", (1.0,), (1.0,)),
        ("circle", (1.0, 95.0), (1.0,)),
        ("circle", (1.0, float("nan")), (1.0,)),
        ("moon", (1.0, 2.0), (1.0,)),
        ("box", (1.0, 2.0), (1.0,)),
        ("polygon", (1.0, 2.0), ()),
    ]
    for wrong in refused:
        with pytest.raises(TriviewError):
            region_clause(("ra", "dec"), *wrong, 0.0)


def test_measured_things_become_tables() -> None:
    pixels = np.random.default_rng(2).normal(0, 1, (300, 400)).astype("f4")
    pixels[50, 60] = np.nan
    mask = np.zeros(pixels.shape, "i4")
    mask[20, 10] = 1 << 3
    frames = Frames()
    bits = (MaskBit("CR", 3),)
    made = [Planes(pixels, mask, pixels**2, bits, "nJy", band, Lsst(100, 50), tan_sip()) for band in "gr"]
    ids = [frames.add(Frame(f"{planes.band} coadd", planes)) for planes in made]
    lists = [{"id": id, "points": [["A", 10.2, 20.1], ["B", 60, 50], ["away", 900, 1]]} for id in ids]
    found = extract(frames, "points", json.dumps(lists))
    rows = found.rows.to_pylist()
    assert [(row["point"], row["band"]) for row in rows] == [("A", "g"), ("B", "g"), ("A", "r"), ("B", "r")]
    first = rows[0]
    assert (first["x"], first["y"], first["lsst_x"], first["lsst_y"]) == (11.2, 21.1, 110.2, 70.1)
    assert first["value"] == pixels[20, 10].item() and first["mask"] == "CR" and rows[1]["value"] is None
    there = SkyCoord(first["ra"], first["dec"], unit="deg")
    assert there.separation(tan_sip().pixel_to_world(10.2, 20.1)).mas < 0.01
    units = {column.name: column.unit for column in found.meta.columns}
    assert units["value"] == "nJy" and units["variance"] == "nJy**2"
    line = {"lines": [{"id": ids[0], "points": [[5, 5], [105, 80]]}], "width": 3, "out": ["CR", "UNKNOWN"]}
    found = extract(frames, "profile", json.dumps(line))
    wanted = profile(pixels, (5, 5), (105, 80), 3, mask, 1 << 3)
    values = [np.nan if v is None else v for v in found.rows.column("value").to_pylist()]
    assert np.allclose(values, wanted.value, equal_nan=True)
    assert found.rows.column("n").to_pylist() == wanted.count.tolist()
    assert found.rows.column("offset")[-1].as_py() == pytest.approx(25, rel=0.02)
    for what, text in (("points", "[]"), ("points", "{"), ("points", '[{"id": "x", "points": []}]'), ("moon", "[]"),
                       ("points", '[{"id": "f1", "points": [["a", "b", "c"]]}]'), ("profile", "[]"),
                       ("profile", '{"lines": [], "width": 1, "out": []}'), ("points", "[" * 5000)):  # fmt: skip
        with pytest.raises(FormatError):
            extract(frames, what, text)
    with pytest.raises(LimitError):
        extract(frames, "points", json.dumps([{"id": ids[0], "points": [["a", 1, 1]] * 10_001}]))
