"""Columns computed from others: the same values as numpy, a column like any other everywhere, kept, no circles."""

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import LimitError, QueryError
from portal.table import derived_list
from portal.table import result as results
from portal.table.columns import Column, TableMeta
from portal.table.derive import Definition
from portal.table.export import export_stream
from portal.table.preview import preview
from portal.table.result import ResultTable, RowView


@pytest.fixture
def stored(tmp_path, objects):
    result = ResultTable.from_arrow(tmp_path / "objects", *objects)
    yield result
    result.close()


def floats(column) -> np.ndarray:
    return np.array([np.nan if item is None else item for item in column.to_pylist()])


def test_a_column_like_any_other(stored, objects):
    _, table = objects
    mag, flux = floats(table["mag"]), floats(table["flux"])
    with np.errstate(all="ignore"):
        expected = -2.5 * np.log10(flux) + 31.4
    made = stored.derive("ab", "-2.5*log10(flux)+31.4", "mag", "phot.mag")
    assert made == stored.meta.column("ab") and made.unit == "mag" and made.datatype == "double"
    assert made.description == "Computed: -2.5*log10(flux)+31.4"
    stored.derive("colour", "mag - ab")
    assert [item.name for item in stored.meta.columns[-2:]] == ["ab", "colour"]
    everything = stored.take(np.arange(3000))
    assert everything.column_names == [item.name for item in stored.meta.columns]
    values = floats(everything["ab"])
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert everything["ab"].null_count == np.isnan(expected).sum()  # no magnitude without flux: null, not NaN
    np.testing.assert_allclose(floats(everything["colour"]), mag - expected, rtol=1e-12)
    # only those asked, in the order asked, for the rows asked
    some = stored.take(np.array([7, 3, 7]), ["colour", "objectId"])
    np.testing.assert_allclose(floats(some["colour"]), (mag - expected)[[7, 3, 7]], rtol=1e-12)
    assert some["objectId"].to_pylist() == table["objectId"].take([7, 3, 7]).to_pylist()
    # sort, filter, page
    view = RowView((("colour", True), ("objectId", False)), '"ab" > 26')
    with np.errstate(all="ignore"):
        kept = np.flatnonzero(expected > 26)
    key = np.where(np.isnan((mag - expected)[kept]), -np.inf, (mag - expected)[kept])
    wanted = kept[np.lexsort((table["objectId"].to_numpy()[kept], -key))]
    assert stored.rows(view).tolist() == wanted.tolist()
    rows, cells = stored.page(view, 40, 20, ["objectId", "colour"])
    assert rows.tolist() == wanted[40:60].tolist()
    np.testing.assert_allclose(floats(cells["colour"]), (mag - expected)[rows], rtol=1e-12)
    np.testing.assert_allclose(stored.numbers(['"ab"', '"ab" * 2'])[1], 2 * expected, rtol=1e-12)
    lines = b"".join(export_stream(stored, view, "csv", columns=["colour"])).decode().split("\n")
    assert lines[0] == "colour" and float(lines[41]) == cells["colour"].to_pylist()[0]


def test_types(stored, objects):
    _, table = objects
    ids, names, bands, tracts = (table[name].to_pylist() for name in ("objectId", "name", "band", "tract"))
    lows = [i if t < 2 else None for i, t in zip(ids, tracts)]
    cases = [
        ("exact", "CASE WHEN tract < 2 THEN objectId END", "", "long", lows),
        ("told", "concat(band, '-', tract)", "", "char", [f"{b}-{t}" for b, t in zip(bands, tracts)]),
        ("loud", "upper(name) || '!'", "", "char", [None if n is None else n.upper() + "!" for n in names]),
        ("is_r", "band = 'r' OR band = 'i'", "", "boolean", [b in "ri" for b in bands]),
        ("row", "row_number()", "", "long", list(range(1, 3001))),
        ("small", "objectId", "short", "short", [None] * 3000),
        ("as_text", "tract", "char", "char", [str(t) for t in tracts]),
        ("no_number", "name", "double", "double", [None] * 3000),
        ("single", "mag", "float", "float", None),
    ]  # fmt: skip
    for name, text, wanted, datatype, values in cases:
        column = stored.derive(name, text, datatype=wanted)
        found = stored.take(np.arange(3000), [name])[name]
        assert column.datatype == datatype and found.type == column.arrow, name
        assert values is None or found.to_pylist() == values, name
    assert stored.page(RowView((("told", True),)), 0, 3, ["told"])[1]["told"].to_pylist() == ["z-4"] * 3
    assert not stored.is_ascii("loud") and stored.is_ascii("told")
    assert b"Computed: row_number()" in b"".join(export_stream(stored))


def test_they_come_back_and_the_rows_are_never_rewritten(stored, objects):
    before = (stored.folder / "rows.arrows").read_bytes()
    stored.derive("a", "mag * 2", "mag", "phot.mag", "twice", "float")
    stored.derive("b", "a + 1")
    again = ResultTable.open(stored.folder)
    assert again.meta == stored.meta and [item.text for item in again.derived] == ["mag * 2", "a + 1"]
    assert again.take(np.arange(50)).equals(stored.take(np.arange(50)))
    assert (stored.folder / "rows.arrows").read_bytes() == before
    for text in ("not json", '[["x", "nosuch + 1"]]', "[1]", "[[]]", '{"a": 1}', '[["x", 1, 2, 3, 4, 5, 6]]'):
        (stored.folder / derived_list.DERIVED_FILE).write_text(text)
        found = ResultTable.open(stored.folder)
        assert found.derived == () and found.n_rows == 3000


def test_what_is_refused(stored):
    stored.derive("a", "mag + 1")
    for name in ("mag", "MAG", "A", "", "  ", "__row__", "x\ny", "n" * 101):
        with pytest.raises(QueryError):
            stored.derive(name, "1")
    for text in ("c + 1", "mag +", "objectId; DROP TABLE t", "(SELECT 1)", "c2", "nosuch(mag)"):
        with pytest.raises(QueryError) as caught:
            stored.derive("c", text)
        assert caught.value.line == 1 and caught.value.column >= 1
    with pytest.raises(QueryError, match="type"):
        stored.derive("c", "1", datatype="complex")
    with pytest.raises(QueryError, match="description"):
        stored.derive("c", "1", description="d" * 3000)
    assert [item.name for item in stored.derived] == ["a"]


def test_change_and_drop(stored, objects):
    _, table = objects
    mag = floats(table["mag"])
    stored.derive("a", "mag + 1")
    stored.derive("b", "a * 2")
    view = RowView((("b", False),))
    up = stored.rows(view).tolist()
    assert stored.numbers(['"b"'])[0][up[0]] == np.nanmin(mag + 1) * 2
    for text in ("b + 1", "a + 1"):
        with pytest.raises(QueryError, match="itself or from columns made after") as caught:
            stored.change_derived("a", Definition("a", text))
        assert caught.value.column == 1
    with pytest.raises(QueryError, match="b is computed from a"):
        stored.change_derived("a", Definition("z", "mag"))
    with pytest.raises(QueryError, match="b is computed from a"):
        stored.drop_derived("a")
    with pytest.raises(QueryError, match="b is computed from a and would fail"):  # b would multiply text
        stored.change_derived("a", Definition("a", "name"))
    with pytest.raises(QueryError, match="already"):
        stored.change_derived("b", Definition("mag", "1"))
    assert stored.rows(view).tolist() == up
    stored.change_derived("a", Definition("a", "-mag", "mag"))
    # what was built over the old meaning is not used again
    assert stored.numbers(['"b"'])[0][stored.rows(view)[0]] == np.nanmax(mag) * -2
    assert not [key for key in results.ORDERS._arrays if key[0] == stored._id and key[1] < stored.now().version]
    stored.change_derived("b", Definition("c", "a * 3"))
    assert [item.name for item in ResultTable.open(stored.folder).derived] == ["a", "c"]
    stored.drop_derived("c")
    stored.drop_derived("a")
    assert stored.meta.columns == stored._store.meta.columns
    for call in (lambda: stored.drop_derived("mag"), lambda: stored.change_derived("c", Definition("c", "1"))):
        with pytest.raises(KeyError):
            call()


def test_a_row_that_cannot_be_computed_is_null_and_the_rest_stays(tmp_path):
    meta = TableMeta((Column("x"), Column("s", "char", "*")))
    x = [1.0, float("nan"), None, 0.0, 1e300]
    result = ResultTable.from_arrow(
        tmp_path / "r", meta, pa.table([pa.array(x), pa.array(["1", "x", None, "", "-2.5"])], schema=meta.to_schema())
    )
    for name, text, datatype, wanted in [
        ("nan", "x - x + 1", "", [1, None, None, 1, 1]),
        ("whole", "x", "int", [1, None, None, 0, None]),
        ("parsed", "s", "double", [1, None, None, None, -2.5]),
        ("rounded", "round(x, x)", "", [1, None, None, 0, 1e300]),
        ("root", "sqrt(-1 - x)", "", [None] * 5),
    ]:
        result.derive(name, text, datatype=datatype)
        assert result.take(np.arange(5), [name])[name].to_pylist() == wanted, name
    assert result.rows(RowView((("nan", True),))).tolist()[-2:] == [1, 2]


def test_a_preview_keeps_nothing(stored, objects):
    _, table = objects
    stored.derive("a", "mag + 1")
    view = RowView((("mag", True),))
    shown = preview(stored, Definition("b", "a - flux", "mag"), view)
    assert shown.names == ("a", "flux") and shown.column.unit == "mag" and shown.kind == "double"
    top = stored.page(view, 0, 5, ["a", "flux"])[1]
    assert [float(row[-1]) for row in shown.rows] == pytest.approx(
        [
            a - f if a is not None and f is not None else None
            for a, f in zip(*(top[name].to_pylist() for name in ("a", "flux")))
        ],
        rel=1e-5,
    )
    gaps = sum(m is None or f is None for m, f in zip(table["mag"].to_pylist(), table["flux"].to_pylist()))
    assert (shown.read, shown.nulls, shown.whole) == (3000, gaps, True)
    assert preview(stored, Definition("a", "-mag"), old="a").maximum.startswith("-")
    with pytest.raises(QueryError, match="already"):
        preview(stored, Definition("a", "mag"))
    assert [item.name for item in stored.derived] == ["a"]


def test_limits(stored, monkeypatch, tmp_path):
    monkeypatch.setattr(derived_list, "DERIVED_LIMIT", 2)
    stored.derive("a", "1")
    stored.derive("b", "1")
    with pytest.raises(LimitError, match="at most 2"):
        stored.derive("c", "1")
    stored.drop_derived("b")
    monkeypatch.setattr(derived_list.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(LimitError, match="No space left"):
        stored.derive("b", "1")
    assert [item.name for item in stored.derived] == ["a"]


def test_while_rows_come(tmp_path, objects):
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    result.derive("double", "mag * 2")
    assert result.page(RowView(), 0, 10)[1].column_names[-1] == "double"
    for end in (1000, 2000, 3000):
        result.append(table.slice(end - 1000, 1000).combine_chunks().to_batches()[0])
        assert result.take(np.array([end - 1]), ["double"])["double"][0].as_py() == _twice(
            table["mag"][end - 1].as_py()
        )
        assert result.count(RowView((), '"double" IS NULL')) == table["mag"].slice(0, end).null_count
    result.finish(meta)
    assert result.meta.column("double") and ResultTable.open(tmp_path / "r").n_rows == 3000


def _twice(value):
    return None if value is None else value * 2
