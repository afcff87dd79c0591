"""Profiles and facets of columns: the figures numpy gives, over the rows of a filter, within a budget said so."""

import math

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import CancelledError
from portal.table import profile as profiles
from portal.table.columns import Column, TableMeta
from portal.table.engine import Stop
from portal.table.facets import facet_columns, facet_filter, facet_values
from portal.table.filters import column_filter
from portal.table.histogram import count_numbers, count_whole, range_text
from portal.table.profile import QUANTILES, profile
from portal.table.result import ResultTable

BIG = 1_651_281_746_966_117_378


@pytest.fixture(scope="module")
def stored(tmp_path_factory, objects):
    result = ResultTable.from_arrow(tmp_path_factory.mktemp("profile") / "objects", *objects)
    result.derive("ab", "31.4 - 2.5 * log10(flux)")
    yield result
    result.close()


def made(folder, values, datatype="double", **more) -> ResultTable:
    meta = TableMeta((Column("x", datatype, "*" if datatype == "char" else more.pop("arraysize", ""), **more),))
    return ResultTable.from_arrow(folder, meta, pa.table([pa.array(values, meta.columns[0].arrow)], names=["x"]))


@pytest.mark.parametrize("where", ["", '"tract" = 2'])
@pytest.mark.parametrize("name", ["mag", "flux", "objectId", "visits", "ab"])
def test_numbers(stored, objects, name, where):
    _, table = objects
    keep = table["tract"].to_numpy() == 2 if where else np.ones(3000, bool)
    column = stored.take(np.flatnonzero(keep), [name])[name]
    values = column.drop_null().to_numpy()
    found = profile(stored, name, where)
    assert (found.rows, found.read, found.nulls) == (keep.sum(), keep.sum(), column.null_count)
    assert type(values[0])(found.minimum) == values.min() and type(values[0])(found.maximum) == values.max()
    assert found.mean == pytest.approx(values.mean(dtype=float)) and found.std == pytest.approx(
        np.std(values, ddof=1, dtype=float)
    )
    np.testing.assert_allclose([value for _, value in found.quantiles], np.quantile(values, QUANTILES), rtol=1e-6)
    assert found.distinct == len(np.unique(values)) and found.distinct_exact
    counts = dict(zip(*(part.tolist() for part in np.unique(values, return_counts=True))))
    assert [count for _, count in found.frequent] == [n for n in sorted(counts.values(), reverse=True)[:10] if n > 1]
    histogram = found.histogram
    assert sum(histogram.counts) + histogram.below + histogram.above == len(values)
    edges = np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)
    if name != "objectId":  # whose edges are no doubles
        np.testing.assert_allclose(histogram.counts, np.histogram(values, edges)[0], atol=1)


def test_awkward_numbers(tmp_path):
    nan, inf = math.nan, math.inf
    found = profile(made(tmp_path / "a", [1.0, nan, inf, -inf, None, 3.0]), "x")
    assert (found.nulls, found.nans, found.infinite, found.minimum, found.maximum) == (1, 1, 2, "1", "3")
    for at, values in enumerate([[None, None], [nan], [], [5.0], [1e308, -1e308], [0.0, 0.0], [-inf]]):
        found = profile(made(tmp_path / f"b{at}", values), "x")
        for log in (False, True):
            histogram = profile(made(tmp_path / f"c{at}{log}", values), "x", log=log).histogram
            finite = [value for value in values if value is not None and math.isfinite(value)]
            if histogram is not None:
                assert sum(histogram.counts) + histogram.without == len(finite) and histogram.high > histogram.low
        assert found.std is None or math.isfinite(found.std)
    ids = profile(made(tmp_path / "d", [BIG, BIG + 1, BIG + 1, None], "long"), "x")
    assert (ids.minimum, ids.maximum) == (str(BIG), str(BIG + 1))
    assert ids.histogram.counts == (1, 2) and ids.frequent == ((str(BIG + 1), 2),)


def test_quantiles_of_whole_numbers_lie_between_them(tmp_path):
    found = profile(made(tmp_path / "x", [-(2**63), 5, 2**63 - 1], "long"), "x")
    values = [value for _, value in found.quantiles]
    assert values == sorted(values) and values[0] >= -(2.0**63) and values[4] == 5 and values[-1] <= 2.0**63


def test_histograms():
    values = np.r_[np.linspace(0, 1, 1000), 1e12, -1e12]
    found = count_numbers(values, (0.0, 1.0), 10)
    assert (found.below, found.above) == (1, 1) and min(found.counts) >= 20  # far outliers do not hide the rest
    log = count_numbers(np.array([0.0, -1, 1, 10, 100]), (0, 100), 2, log=True)
    assert (log.low, log.high, log.counts, log.without) == (0, 2, (1, 2), 2)
    whole = count_whole(np.array([-128, 127], np.int16), -128, 127, 10)
    assert whole.low == -128.5 and sum(whole.counts) == 2 and whole.counts[0] == whole.counts[-1] == 1
    both = np.array([-(2**63), 2**63 - 1])
    assert sum(count_whole(both, int(both[0]), int(both[1]), 60).counts) == 2


def test_text_flags_times_arrays(stored, objects, tmp_path):
    _, table = objects
    names = table["name"].drop_null().to_pylist()
    found = profile(stored, "name")
    assert found.kind == "text" and found.distinct == len(set(names)) and found.minimum == ""
    assert dict(found.frequent) == {name: names.count(name) for name in set(names)}
    flag = profile(stored, "flag")
    assert flag.kind == "truth" and dict(flag.frequent)["true"] == sum(table["flag"].drop_null().to_pylist())
    times = made(
        tmp_path / "t", ["2025-01-01T00:00:00", "2025-01-03 00:00:00", None, "no time"], "char", xtype="timestamp"
    )
    found = profile(times, "x")
    assert found.kind == "time" and found.minimum == "2025-01-01T00:00:00" and sum(found.histogram.counts) == 2
    assert found.histogram.high - found.histogram.low == 2 * 86400
    arrays = profile(made(tmp_path / "v", [[1.0, 2.0], [], None], "double", arraysize="*"), "x")
    assert (arrays.kind, arrays.minimum, arrays.maximum, arrays.nulls) == ("array", "0", "2", 1)


def test_a_budget_reads_part_and_says_so(stored, monkeypatch):
    monkeypatch.setattr(profiles, "TRIAL_ROWS", 500)
    monkeypatch.setattr(profiles, "FIXED", 0)
    whole = profile(stored, "mag")
    part = profile(stored, "mag", '"tract" < 4', budget=0)
    assert part.read == 500 < part.rows and not part.distinct_exact
    assert abs(part.mean - whole.mean) < 5 * whole.std / math.sqrt(500)
    assert profile(stored, "mag", budget=0, exact=True) == whole
    monkeypatch.setattr(profiles, "EXACT_ROWS", 100)
    monkeypatch.setattr(profiles, "EXACT_VALUES", 10)
    many = profile(stored, "mag", exact=True)
    assert not many.distinct_exact and abs(many.distinct - whole.distinct) < 0.1 * whole.distinct
    name = profile(stored, "name", exact=True)
    assert name.distinct == 6 and name.distinct_exact and name.minimum == ""
    assert profile(stored, "mag", brief=True).distinct is None


def test_a_profile_is_stopped_and_asked_rightly(stored):
    stop = Stop()
    stop.set()
    with pytest.raises(CancelledError):
        profile(stored, "mag", stop=stop)
    with pytest.raises(KeyError):
        profile(stored, "nothing")


def test_facets(stored, objects, monkeypatch):
    _, table = objects
    assert facet_columns(stored) == ["parentId", "tract", "primary", "flag", "band", "name"]
    monkeypatch.setattr("portal.table.facets.TRIAL_ROWS", 100)
    assert facet_columns(stored) == ["parentId", "tract", "primary", "flag", "band", "name"]
    bands, tracts = table["band"].to_pylist(), table["tract"].to_pylist()
    found = facet_values(stored, "band", "in r, i", '"tract" = 2')
    wanted = {band: sum(b == band and t == 2 for b, t in zip(bands, tracts)) for band in "ugrizy"}
    assert {item.text: item.count for item in found} == wanted
    assert {item.text for item in found if item.ticked} == {"r", "i"}
    assert [item.count for item in found] == sorted(wanted.values(), reverse=True)
    assert all(item.count == 0 for item in facet_values(stored, "band", "", "FALSE"))
    # what is ticked comes back from the text it becomes, whatever the values look like
    for name in ("flag", "name", "tract"):
        column = stored.meta.column(name)
        every = [item.text for item in facet_values(stored, name)]
        for chosen in ([], every[:1], every[1:4], every, [None] if None in every else every):
            text = facet_filter(column, chosen)
            ticked = [item.text for item in facet_values(stored, name, text) if item.ticked]
            assert set(ticked) == set(chosen), (name, text)
            if chosen:
                counts = {item.text: item.count for item in facet_values(stored, name)}
                assert len(stored.where(column_filter(column, text))) == sum(counts[item] for item in chosen)
    assert (
        facet_filter(Column("s", "char", "*"), ["null", "a b", "it's", "or", None])
        == "in 'null', 'a b', 'it''s', 'or', null"
    )


@pytest.mark.parametrize(
    ("kind", "low", "high", "text"),
    [
        ("whole", 3.5, 9.5, "4..9"),
        ("whole", 3.5, 4.5, "4"),
        ("whole", 9.5, -0.5, "0..9"),
        ("whole", 1651281746966117377.5, 1651281746966119376.5, "1651281746966117120..1651281746966119680"),
        ("number", 21.814987, 23.2863, "21.815..23.286"),
        ("number", 1e-9, 2.34567e-9, "1e-09..2.346e-09"),
        ("number", -12345.678, 99999.123, "-12350..100000"),
        ("number", 0.0, 1e15, "0..1000000000000000"),
        ("time", 1735689600.0, 1735689661.5, "2025-01-01T00:00:00..2025-01-01T00:01:02"),
    ],
)
def test_a_brushed_range_becomes_a_filter(kind, low, high, text):
    assert range_text(kind, low, high) == text
    datatype = {"whole": "long", "number": "double", "time": "char"}[kind]
    assert column_filter(Column("x", datatype, "*" if kind == "time" else "", xtype="timestamp"), text)
