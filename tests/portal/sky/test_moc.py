"""MOCs: real files of every kind, broken ones, and rows found by SQL as mocpy finds them."""

from __future__ import annotations

import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy_healpix import core
from hypothesis import given, settings
from hypothesis import strategies as st
from mocpy import MOC

from portal.errors import LimitError, QueryError, TriviewError
from portal.sky import moc as room
from portal.sky import moc_read
from portal.sky.moc import (
    Coverage,
    centre,
    combined,
    coverage_of_file,
    coverage_of_outlines,
    coverage_of_positions,
    moc_bytes,
    moc_clause,
    shown,
)
from portal.sky.moc_read import BLOCK
from portal.sky.outlines import read_outlines
from portal.table.engine import run
from portal.table.names import ROW


def sky(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Positions all over, with those where HEALPix has its corners and close to the poles."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(-10, 370, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    dec[:40] = np.sign(dec[:40]) * (90 - 10 ** rng.uniform(-8, 0, 40))
    ra[40:80] = np.round(ra[40:80] / 45) * 45 + 1e-7
    return ra, dec


def disc(ra: float, dec: float, radius: float, order: int = 9, name: str = "disc") -> Coverage:
    return Coverage(name, MOC.from_cone(ra * u.deg, dec * u.deg, radius=radius * u.deg, max_depth=order))


def rows_in(coverage: Coverage, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    table = pa.table({"my ra": ra, "dec": dec, ROW: np.arange(len(ra), dtype=np.uint32)})
    clause = moc_clause("my ra", "dec", coverage, "moc")
    return np.sort(np.asarray(run(f'SELECT "{ROW}" FROM t WHERE {clause.sql}', table)[ROW]))


@pytest.mark.parametrize("order", [0, 1, 5, 11, 29])
def test_the_engine_counts_cells_as_healpix_does(order: int) -> None:
    ra, dec = sky(20_000)
    table = pa.table({"ra": ra, "dec": dec})
    got = np.asarray(run(f"SELECT sky_cell({order}, ra, dec) AS c FROM t", table)["c"])
    pixels = core.lonlat_to_healpix((ra % 360) * u.deg, dec * u.deg, 2**order, order="nested")
    assert (got == room._by_column(np.asarray(pixels), order)).mean() > 0.9998, (
        "all but what rounding puts beside an edge"
    )


def test_what_is_not_on_the_sky_is_in_no_cell() -> None:
    odd = [np.nan, np.inf, -np.inf, None, 1.0]
    table = pa.table({"ra": pa.array(odd + [1.0] * 4), "dec": pa.array([0.0] * 4 + [91.0, np.nan, -np.inf, None, 0.0])})
    assert run("SELECT sky_cell(5, ra, dec) AS c FROM t", table)["c"].null_count == 8


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(st.floats(0, 360), st.sampled_from([0.0, 359.999, 45.0])),
    st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 41.81])),
    st.floats(0.5, 170),
    st.integers(2, 8),
)
def test_rows_inside_are_those_mocpy_finds(ra: float, dec: float, radius: float, order: int) -> None:
    coverage = disc(ra, dec, radius, order)
    x, y = sky(3_000)
    inside = np.flatnonzero(coverage.moc.contains_lonlat((x % 360) * u.deg, y * u.deg))
    assert len(np.setxor1d(rows_in(coverage, x, y), inside)) <= 1
    assert shown(coverage)[1] == coverage.order


def test_empty_and_whole_sky_and_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    ra, dec = sky(500)
    nothing = combined("difference", disc(10, 10, 1), disc(10, 10, 5))
    assert len(rows_in(nothing, ra, dec)) == 0 and nothing.area == 0 and centre(nothing) is None
    everything = coverage_of_file("all", b"0/0-11")
    assert len(rows_in(everything, ra, dec)) == 500 and everything.area == pytest.approx(41252.96, abs=0.01)
    assert centre(everything)[2] > 90
    monkeypatch.setattr(room, "CELLS", 5)
    with pytest.raises(LimitError, match="cells"):
        moc_clause("ra", "dec", disc(10, 10, 1), "moc")
    monkeypatch.setattr(room, "SHOWN", 50)
    coarse, order = shown(disc(10, 10, 5, 10))
    assert order < 10 and sum(map(len, json.loads(coarse).values())) <= 50


def test_operations_agree_with_sets_of_cells() -> None:
    one, other = disc(0, 80, 12, 6, "A"), disc(20, 85, 8, 6, "B")
    sets = [set(item.moc.flatten().tolist()) for item in (one, other)]
    for operation, wanted in (
        ("union", sets[0] | sets[1]), ("intersection", sets[0] & sets[1]), ("difference", sets[0] - sets[1]),
    ):  # fmt: skip
        found = combined(operation, one, other)
        assert set(found.moc.flatten().tolist()) == wanted
    assert combined("union", combined("union", one, other), one).name == "(A ∪ B) ∪ A"
    with pytest.raises(QueryError):
        combined("sum", one, other)


def test_made_of_positions_and_of_footprints() -> None:
    ra, dec = sky(2_000)
    made = coverage_of_positions("rows", np.append(ra, np.nan), np.append(dec, 5.0), 7)
    assert len(rows_in(made, ra, dec)) == 2_000 and made.order == 7
    cells = len(np.unique(core.lonlat_to_healpix((ra % 360) * u.deg, dec * u.deg, 128, order="nested")))
    assert made.area == pytest.approx(cells * 41252.96 / (12 * 4**7), rel=1e-4)
    with pytest.raises(QueryError, match="no rows"):
        coverage_of_positions("none", ra[:0], dec[:0], 7)
    with pytest.raises(QueryError, match="order"):
        coverage_of_positions("deep", ra, dec, 25)
    outlines = read_outlines(pa.array(["POLYGON ICRS 359 -1 1 -1 1 1 359 1"] * 3 + ["CIRCLE ICRS 0 90 1", None]))
    area = coverage_of_outlines("prints", outlines, 12).area
    assert area == pytest.approx(4 + np.pi, rel=0.04) and area > 4 + np.pi
    with pytest.raises(QueryError, match="footprint"):
        coverage_of_outlines("none", read_outlines(pa.array([None], pa.string())), 9)


@pytest.mark.parametrize("form", ["fits", "json", "txt"])
def test_what_is_written_is_read_again(form: str) -> None:
    moc = disc(62, -37, 3, 11).moc
    content = moc_bytes(moc, form)
    for kept in (content, gzip.compress(content)):
        back = coverage_of_file("again", kept)
        assert (back.moc == moc, back.order, back.note) == (True, 11, "")


def version_one(moc: MOC) -> bytes:
    """As MOC 1.1 writes it: NUNIQ numbers."""
    out = io.BytesIO()
    table = fits.BinTableHDU(Table({"UNIQ": np.sort(np.asarray(moc.uniq_hpx).astype(np.int64))}))
    table.header.update(ORDERING="NUNIQ", COORDSYS="C", MOCORDER=13, PIXTYPE="HEALPIX")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    return out.getvalue()


def sky_map() -> bytes:
    """A multi-order map: 40 % in each of two cells of order 1, the rest spread over the others."""
    cells = np.arange(48)
    density = np.full(48, 0.2 / 46)
    density[[7, 20]] = 0.4
    out = io.BytesIO()
    table = fits.BinTableHDU(Table({"UNIQ": cells + 16, "PROBDENSITY": density * 48 / (4 * np.pi)}))
    table.header.update(ORDERING="NUNIQ", COORDSYS="C", MOC=True)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    return out.getvalue()


def test_old_files_and_sky_maps() -> None:
    moc = disc(150, 2, 2, 10).moc
    old = coverage_of_file("old", version_one(moc))
    assert old.moc.to_depth29_ranges.tolist() == moc.to_depth29_ranges.tolist() and old.order == 13
    found = coverage_of_file("event", sky_map())
    assert found.note == "90% of the probability"
    cells = set(found.moc.flatten().tolist())
    assert {7, 20} < cells and len(cells) == 2 + 23
    deep = coverage_of_file("deepest", version_one(MOC.from_lonlat([1, 359] * u.deg, [89, -89] * u.deg, max_norder=29)))
    assert deep.order == 29 and len(deep.moc.to_depth29_ranges) == 2


SOUND = moc_bytes(disc(10, 10, 3, 8).moc, "fits")
PICTURE = fits.PrimaryHDU(np.zeros((4, 4))).header.tostring().encode() + bytes(BLOCK)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"<html>404</html>", b"{", b"{}x", b'{"3": [1, 99999999]}', b'{"3": ["a"]}', b'{"31": [1]}',
        b'{"3": [-1]}', b'{"x": [1]}', b'{"3": 1}', b'{"t": {"3": [1]}, "s": {"3": [1]}}', b"3/99999", b"31/1",
        b"3/1 x", b"3/9-4", b"5/\xff", b"[" * 100_000, b"\x1f\x8bbroken", b"SIMPLE", b"SIMPLE  =" + b" " * 5000,
        SOUND[:2880],
        SOUND[:6000], version_one(MOC.from_str("3/1-40"))[:5765], b"SIMPLE  =                    T".ljust(2880 * 300),
        SOUND[:5760] + b"\xff" * (len(SOUND) - 5760), PICTURE,
        SOUND.replace(b"NAXIS1  =                    8", b"NAXIS1  =                   16"),
        SOUND.replace(b"NAXIS1  =                    8", b"NAXIS1  =                   -8"),
        SOUND.replace(b"COORDSYS= 'C", b"COORDSYS= 'G"), SOUND.replace(b"'SPACE", b"'TIME "),
        SOUND.replace(b"TFORM1  = '1K", b"TFORM1  = '1P"), sky_map().replace(b"'NUNIQ ", b"'NESTED"),
    ],
)  # fmt: skip
def test_broken_files_say_what_is_wrong(content: bytes) -> None:
    if b"NESTED" in content:  # probabilities are read whatever the ordering says: take them away
        content = content.replace(b"PROBDENSITY", b"SOMETHING  ")
    with pytest.raises(TriviewError) as told:
        coverage_of_file("broken", content)
    assert told.value.message and told.value.hint


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=60))
def test_no_damage_to_a_file_breaks_the_reader(at: int, what: bytes) -> None:
    try:
        coverage_of_file("damaged", SOUND[:at] + what + SOUND[at + len(what) :])
    except TriviewError as error:
        assert error.message


def test_a_packed_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moc_read, "MOST_BYTES", 1 << 20)
    with pytest.raises(LimitError, match="MiB"):
        coverage_of_file("bomb", gzip.compress(bytes(8 << 20)))


def test_maps_written_as_text_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moc_read, "MOST_CELLS", 20)
    assert coverage_of_file("few", b"29/" + b" 5-6" * 20).order == 29
    with pytest.raises(LimitError, match="20 cells"):
        coverage_of_file("many", b"29/" + b" 5-6" * 21)
    monkeypatch.setattr(moc_read, "MOST_TEXT", 100)
    for content in (b"29/ 5" + b" " * 100, b'{"29": [5]}' + b" " * 100):
        with pytest.raises(LimitError, match="FITS"):
            coverage_of_file("long", content)
