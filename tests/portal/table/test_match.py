"""Matching by position and by key against plain loops, and the estimate of chance against a sky of known truth."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import CancelledError, LimitError, QueryError
from portal.table import match
from portal.table.columns import Column, Info, TableMeta
from portal.table.engine import Stop
from portal.table.joining import joined_batches, joined_meta, kept_pairs, match_keys
from portal.table.match import chance, match_positions
from portal.table.result import ResultTable


def around(ra: float, dec: float, n: int, size: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions within a few ``size`` arcsec, also across the pole and RA 0; every tenth has none."""
    rng = np.random.default_rng(seed)
    middle = SkyCoord(ra, dec, unit="deg")
    found = middle.directional_offset_by(rng.uniform(0, 360, n) * u.deg, rng.uniform(0, size, n) * u.arcsec)
    ras, decs = found.ra.deg.copy(), found.dec.deg.copy()
    ras[9::10] = np.nan
    return ras, decs


def plain(left, right, radius: float) -> list[tuple[int, int, float]]:
    """Every pair, by astropy's separation."""
    a, b = SkyCoord(*left, unit="deg"), SkyCoord(*right, unit="deg")
    apart = a[:, None].separation(b[None, :]).arcsec
    return [(i, j, apart[i, j]) for i, j in zip(*np.nonzero(apart <= radius))]


@pytest.mark.parametrize("place", [(62.0, -37.0), (359.99999, 0.0), (10.0, 89.9999), (200.0, -90.0)])
def test_pairs_are_those_of_a_plain_loop(place) -> None:
    left, right = around(*place, 60, 12.0, 1), around(*place, 80, 12.0, 2)
    pairs = plain(left, right, 2.0)
    assert len(pairs) > 20
    every = match_positions(left, right, 2.0, "all")
    assert set(zip(every.left.tolist(), every.right.tolist())) == {(i, j) for i, j, _ in pairs}
    truth = {(i, j): apart for i, j, apart in pairs}
    assert np.allclose(every.separation, [truth[key] for key in zip(every.left, every.right)], atol=1e-6)
    best = match_positions(left, right, 2.0, "best")
    nearest = {i: min((apart, j) for k, j, apart in pairs if k == i)[1] for i, _, _ in pairs}
    assert dict(zip(best.left.tolist(), best.right.tolist())) == nearest
    mutual = match_positions(left, right, 2.0, "mutual")
    back = {j: min((apart, i) for i, k, apart in pairs if k == j)[1] for _, j, _ in pairs}
    assert dict(zip(mutual.left.tolist(), mutual.right.tolist())) == {i: j for i, j in nearest.items() if back[j] == i}
    for pairs in (every, best, mutual):
        assert (np.diff(pairs.left) >= 0).all()


def test_equal_places_and_odd_inputs(monkeypatch) -> None:
    twice = np.array([10.0, 10.0]), np.array([5.0, 5.0])
    mutual = match_positions(twice, twice, 1.0, "mutual")
    assert len(mutual.left) == len(set(mutual.right.tolist())) == 1 and mutual.separation[0] == 0
    assert len(match_positions(twice, twice, 1.0, "all").left) == 4
    ra, dec = np.arange(60) / 100, np.full(60, 5.0)
    often = np.random.default_rng(5).permutation(np.repeat(np.arange(60), 20))
    for mode in ("best", "mutual"):
        found = match_positions((ra, dec), (ra[often], dec[often]), 1.0, mode)
        assert found.right.tolist() == [int(np.flatnonzero(often == row)[0]) for row in range(60)]
    nowhere = np.array([np.nan, 10.0]), np.array([5.0, np.inf])
    for mode in match.MODES:
        assert not len(match_positions(twice, nowhere, 1.0, mode).left)
        assert not len(match_positions((np.empty(0), np.empty(0)), twice, 1.0, mode).left)
    with pytest.raises(QueryError, match="radius"):
        match_positions(twice, twice, 0)
    with pytest.raises(QueryError, match="way to match"):
        match_positions(twice, twice, 1, "worst")
    monkeypatch.setattr(match, "PAIRS_LIMIT", 3)
    with pytest.raises(LimitError, match="smaller radius"):
        match_positions(twice, twice, 1.0, "all")
    stop = Stop()
    stop.set()
    with pytest.raises(CancelledError):
        match_positions(twice, twice, 1.0, "best", stop)


@pytest.mark.parametrize("mode", ["best", "mutual", "all"])
def test_the_estimate_of_chance_finds_the_truth(mode) -> None:
    """A dense field where half of the rows have a true partner 0.1 arcsec away and the rest match by accident."""
    rng = np.random.default_rng(5)
    n, size = 12_000, 0.4
    ra, dec = 62 + rng.uniform(0, size, n), -37 + rng.uniform(0, size, n)
    others = 62 + rng.uniform(0, size, n), -37 + rng.uniform(0, size, n)
    real = n // 2
    right = (
        np.r_[ra[:real] + rng.normal(0, 0.05 / 3600, real), others[0]],
        np.r_[dec[:real] + rng.normal(0, 0.05 / 3600, real), others[1]],
    )
    found = match_positions((ra, dec), right, 3.0, mode)
    false = np.count_nonzero((found.right != found.left) | (found.left >= real))
    estimate = chance((ra, dec), right, 3.0, mode)
    assert estimate.pairs == len(found.left) == estimate.found.sum()
    assert estimate.false > 50 and abs(estimate.false - false) < 5 * np.sqrt(false) + 0.02 * false
    assert estimate.found[0] > 20 * estimate.by_chance[0]  # true pairs are close, accidents are anywhere
    assert estimate.edges[0] == 0 and estimate.edges[-1] == 3.0 and len(estimate.edges) == len(estimate.found) + 1


KEYS = st.lists(st.one_of(st.none(), st.integers(1651281746966117377, 1651281746966117380)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(KEYS, KEYS)
def test_keys_match_digit_by_digit(left, right) -> None:
    found = match_keys(*(pa.chunked_array([pa.array(keys, pa.int64())]) for keys in (left, right)))
    wanted = [(i, j) for i, a in enumerate(left) for j, b in enumerate(right) if a is not None and a == b]
    assert list(zip(found.left.tolist(), found.right.tolist())) == wanted


def test_keys_of_different_kinds_are_refused(monkeypatch) -> None:
    numbers, texts = pa.chunked_array([[1, 2, 2]]), pa.chunked_array([["a", "b", None]])
    assert list(match_keys(texts, texts).left) == [0, 1]
    with pytest.raises(QueryError, match="equal text"):
        match_keys(numbers, texts)
    with pytest.raises(QueryError, match="second table"):
        match_keys(numbers, pa.chunked_array([[1.5]]))
    monkeypatch.setattr("portal.table.joining.PAIRS_LIMIT", 4)
    with pytest.raises(LimitError, match="5 pairs"):
        match_keys(numbers, numbers)


def test_rows_of_pairs_side_by_side(tmp_path) -> None:
    ids = [1651281746966117377, 1651281746966117378, 1651281746966117379]
    first = ResultTable.from_arrow(
        tmp_path / "a",
        TableMeta((Column("objectId", "long", ucd="meta.id"), Column("g", "float", unit="mag")), overflow=True),
        pa.table({"objectId": pa.array(ids), "g": pa.array([1.5, None, 3.5], pa.float32())}),
    )
    second = ResultTable.from_arrow(
        tmp_path / "b",
        TableMeta((Column("ObjectID", "long"), Column("name", "char", "*")), infos=(Info("QUERY", "SELECT 1"),)),
        pa.table({"ObjectID": pa.array([ids[2], ids[0], ids[2]]), "name": ["c", "a", "cc"]}),
    )
    second.derive("length", "2 * 3")
    keys = [
        table.take(np.arange(table.n_rows), [name])[0] for table, name in ((first, "objectId"), (second, "ObjectID"))
    ]
    pairs = match_keys(*keys)
    for keep, rows in (
        ("matches", [(ids[0], "a", 6), (ids[2], "c", 6), (ids[2], "cc", 6)]),
        ("first", [(ids[0], "a", 6), (ids[1], None, None), (ids[2], "c", 6), (ids[2], "cc", 6)]),
        ("unmatched", [(ids[1],)]),
    ):
        kept = kept_pairs(pairs, np.arange(3), keep)
        meta = joined_meta(first.meta, second.meta, keep, ("A", "B"), "by id", False)
        made = ResultTable.create(tmp_path / keep, meta)
        for batch in joined_batches(first, second, kept, meta):
            made.append(batch)
        made.finish()
        table = made.take(np.arange(made.n_rows))
        names = ["objectId_1", "name", "length"] if keep != "unmatched" else ["objectId"]
        assert list(zip(*(table[name].to_pylist() for name in names))) == rows
        assert made.meta.overflow and made.meta.column(names[0]).ucd == "meta.id"
        assert any(item.name == "JOIN" for item in made.meta.infos)
    place = (np.array([10.0, 20.0, 30.0]), np.zeros(3))
    pairs = kept_pairs(match_positions(place, (place[0][1:], place[1][1:]), 1.0), np.arange(3), "first")
    meta = joined_meta(first.meta, second.meta, "first", ("A", "B"), "within 1 arcsec", True)
    batches = list(joined_batches(first, second, pairs, meta))
    assert pa.Table.from_batches(batches)["separation"].to_pylist() == [None, 0, 0]
    assert meta.columns[-1].unit == "arcsec" and meta.columns[-1].ucd == "pos.angDistance"


@pytest.mark.skipif(not shutil.which("stilts"), reason="stilts is not there (Debian's package stilts)")
def test_pairs_are_those_of_stilts(tmp_path) -> None:
    """tmatch2 for pairs nearest to each other and for all: the same rows, the same separations."""
    left, right = around(359.9999, -60.0, 400, 60.0, 7), around(359.9999, -60.0, 500, 60.0, 8)
    for name, (ra, dec) in (("a", left), ("b", right)):
        rows = np.flatnonzero(np.isfinite(ra))
        Table({"row": rows, "ra": ra[rows], "dec": dec[rows]}).write(tmp_path / f"{name}.fits")
    for mode, find in (("mutual", "best"), ("all", "all")):
        out = tmp_path / f"{mode}.csv"
        command = [
            "stilts", "tmatch2", f"in1={tmp_path / 'a.fits'}", f"in2={tmp_path / 'b.fits'}", "matcher=sky",
            "params=1.5", "values1=ra dec", "values2=ra dec", f"find={find}", f"out={out}", "ofmt=csv",
            "progress=none",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        theirs = Table.read(out, format="ascii.csv")
        theirs.sort(["row_1", "Separation"])
        ours = match_positions(left, right, 1.5, mode)
        assert len(ours.left) > 50
        pairs = set(zip(theirs["row_1"].tolist(), theirs["row_2"].tolist()))
        mine = set(zip(ours.left.tolist(), ours.right.tolist()))
        if mode == "all":
            assert mine == pairs
            assert np.allclose(np.sort(ours.separation), np.sort(theirs["Separation"]), atol=1e-6)
        else:
            # stilts goes on pairing what is left when better pairs are taken out; ours are among them.
            assert mine <= pairs
