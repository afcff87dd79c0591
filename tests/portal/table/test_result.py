"""Stored results: pages, orders, filters, numbers; while rows come, after a crash, with awkward names."""

import json
import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import CancelledError, FormatError, LimitError, QueryError
from portal.table import result as results
from portal.table.columns import Column, Info, TableMeta
from portal.table.engine import Stop
from portal.table.names import ROW
from portal.table.result import ResultTable, RowView

ALL = RowView()


@pytest.fixture
def stored(tmp_path, objects):
    meta, table = objects
    result = ResultTable.from_arrow(tmp_path / "objects", meta, table)
    yield result
    result.close()


def expected_order(table: pa.Table, sort, keep=None) -> list[int]:
    """Row numbers as plain Python sorts them, stable; NaN and null at the end (ascending: NaN before null)."""
    rows = [row for row in range(table.num_rows) if keep is None or keep(row)]
    for name, descending in reversed(sort):
        values = table[name].to_pylist()
        nulls = [row for row in rows if values[row] is None]
        nans = [row for row in rows if values[row] is not None and values[row] != values[row]]
        odd = set(nulls) | set(nans)
        good = sorted((row for row in rows if row not in odd), key=lambda row: values[row], reverse=descending)
        rows = good + ([row for row in rows if row in odd] if descending else nans + nulls)
    return rows


def test_rows_come_back_by_number(stored, objects):
    _, table = objects
    rows = np.array([5, 2999, 0, 5])
    got = stored.take(rows, ["objectId", "name"])
    assert got["objectId"].to_pylist() == table["objectId"].take(rows).to_pylist()
    assert got.column_names == ["objectId", "name"]
    assert stored.take(np.array([], np.int64)).num_rows == 0
    assert ROW not in stored.take(rows).column_names
    with pytest.raises(IndexError):
        stored.take(np.array([3000]))
    with pytest.raises(IndexError):
        stored.take(np.array([-1]))


@pytest.mark.parametrize(
    "sort",
    [
        (("mag", False),),
        (("mag", True),),
        (("flux", True),),
        (("name", False),),
        (("objectId", True),),
        (("band", False), ("tract", True), ("mag", False)),
        (("flag", True),),
    ],
)
@pytest.mark.parametrize("where", ["", '"tract" = 2'])
def test_any_page_of_any_order(stored, objects, sort, where):
    _, table = objects
    view = RowView(sort, where)
    tracts = table["tract"].to_pylist()
    wanted = expected_order(table, sort, (lambda row: tracts[row] == 2) if where else None)
    first, _ = stored.page(view, 0, 100)
    assert first.tolist() == wanted[:100]
    assert stored.rows(view).tolist() == wanted
    for start in (0, 150, len(wanted) - 30, len(wanted), len(wanted) + 500):
        rows, cells = stored.page(view, start, 100)
        assert rows.tolist() == wanted[start : start + 100]
        assert cells["objectId"].to_pylist() == table["objectId"].take(rows.astype("i8")).to_pylist()
    assert stored.count(view) == len(wanted)
    assert [stored.place(view, row) for row in wanted[::200]] == list(range(0, len(wanted), 200))


def test_the_first_page_equals_the_first_of_the_whole_order(tmp_path, table_of):
    meta, table = table_of(5000)
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    sorts = [(("mag", True),), (("band", False),), (("flag", True), ("mag", False)), (("parentId", True),)]
    sorts += [(("name", True),), (("name", False),), (("tract", True),), (("flag", False),), (("primary", True),)]
    for sort in [*sorts, (("objectId", False),), (("flux", False),)]:
        view = RowView(sort, '"tract" < 3')
        early = [result.page(view, start, 100)[0].tolist() for start in (0, 700)]
        whole = result.rows(view).tolist()
        assert early == [whole[:100], whole[700:800]]


def test_nan_is_last_both_ways(tmp_path):
    meta = TableMeta((Column("x"),))
    values = [1.0, float("nan"), None, -2.0, float("inf"), float("nan")]
    result = ResultTable.from_arrow(tmp_path / "r", meta, pa.table([pa.array(values)], schema=meta.to_schema()))
    assert result.rows(RowView((("x", False),))).tolist() == [3, 0, 4, 1, 5, 2]
    assert result.rows(RowView((("x", True),))).tolist()[:3] == [4, 0, 3]


def test_place_of_a_row(stored):
    view = RowView((("mag", True),), "\"band\" = 'r'")
    rows = stored.rows(view)
    assert stored.place(view, int(rows[17])) == 17
    out = next(row for row in range(3000) if row not in set(rows.tolist()))
    assert stored.place(view, out) == -1
    assert stored.place(RowView((), view.where), out) == -1
    assert stored.place(ALL, 12) == 12
    assert stored.place(ALL, 3000) == stored.place(ALL, -1) == stored.place(view, 10**12) == -1


def test_where_and_numbers(stored, objects):
    _, table = objects
    rows = stored.where('"mag" > 22')
    mags = table["mag"].to_pylist()
    assert rows.dtype == np.uint32
    assert rows.tolist() == [row for row, mag in enumerate(mags) if mag is not None and mag > 22]
    mag, flux, sum_, flag = stored.numbers(['"mag"', '"flux"', '"mag" + "flux"', '"flag"'])
    assert flux.dtype == np.float32 and mag.dtype == np.float64
    np.testing.assert_array_equal(mag, np.array([np.nan if item is None else item for item in mags]))
    np.testing.assert_array_equal(np.isnan(sum_), np.isnan(mag) | np.isnan(flux))
    assert set(np.unique(flag[~np.isnan(flag)])) == {0, 1}
    part = stored.numbers(['"mag"'], '"mag" > 22')[0]
    np.testing.assert_array_equal(part, mag[rows])
    assert stored.where("").tolist() == list(range(3000))


def test_numbers_are_made_once_and_bounded(stored, monkeypatch):
    from portal.table.kept import Kept

    monkeypatch.setattr(results, "NUMBERS", Kept(60_000))
    first = stored.numbers(['"mag"'])[0]
    assert stored.numbers(['"mag"'])[0] is first and not first.flags.writeable
    stored.numbers(['"mag" + 1e0', '"mag" + 2e0', '"mag" + 3e0'])
    assert results.NUMBERS.bytes <= 60_000


def test_distinct_values(stored, objects):
    _, table = objects
    bands = table["band"].to_pylist()
    found = dict(stored.distinct("band"))
    assert found == {band: bands.count(band) for band in "ugrizy"}
    assert len(stored.distinct("objectId", limit=7)) == 7
    assert None in dict(stored.distinct("flag"))
    with pytest.raises(KeyError):
        stored.distinct("nothing")


def test_wrong_questions_are_told_to_the_user(stored):
    with pytest.raises(QueryError):
        stored.where('"nothing" > 1')
    with pytest.raises(QueryError):
        stored.rows(RowView((("nothing", False),)))
    with pytest.raises(QueryError):
        stored.rows(RowView(((ROW, False),)))
    for sql in ("(SELECT 1 FROM read_csv('/etc/passwd')) = 1", "getenv('HOME') = ''", "1; DROP TABLE t"):
        with pytest.raises(QueryError):
            stored.where(sql)


def test_reading_while_rows_come(tmp_path, objects):
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    assert result.n_rows == 0 and result.page(ALL, 0, 100)[1].num_rows == 0
    assert result.count(RowView((), '"mag" > 0')) == 0
    view = RowView((("mag", False),), '"tract" = 1')
    versions = [result.version]
    for end in range(250, 3001, 250):
        result.append(table.slice(end - 250, 250).combine_chunks().to_batches()[0])
        versions.append(result.version)
        part = table.slice(0, end)
        tracts = part["tract"].to_pylist()
        wanted = expected_order(part, view.sort, lambda row, tracts=tracts: tracts[row] == 1)
        assert result.n_rows == end and result.rows(view).tolist() == wanted
        assert result.page(ALL, end - 3, 10)[0].tolist() == [end - 3, end - 2, end - 1]
    assert versions == sorted(set(versions)) and not result.complete
    result.finish(TableMeta(meta.columns, infos=(Info("QUERY_STATUS", "OVERFLOW"),), overflow=True))
    assert result.complete and result.meta.overflow
    again = ResultTable.open(tmp_path / "r")
    assert again.complete and again.n_rows == 3000 and again.meta == result.meta
    assert again.take(np.arange(3000)).equals(result.take(np.arange(3000)))


def test_old_orders_are_dropped_when_rows_come(tmp_path, objects):
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    for batch in table.to_batches(max_chunksize=100):
        result.append(batch)
        result.rows(RowView((("mag", False),)))
        result.numbers(['"mag"'])
    mine = [key for key in results.ORDERS._arrays if key[0] == result._id]
    assert len(mine) == 1
    result.close()
    assert not [key for key in (*results.ORDERS._arrays, *results.NUMBERS._arrays) if key[0] == result._id]


def test_a_crash_leaves_whole_batches(tmp_path, objects, monkeypatch):
    from portal.table import store

    monkeypatch.setattr(store, "WRITE_ROWS", 1)
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    for batch in table.to_batches(max_chunksize=500):
        result.append(batch)
    data = (tmp_path / "r" / "rows.arrows").read_bytes()  # as kill -9 leaves it
    early = len(data) - 700
    for size, rows in ((len(data), 3000), (early, 2500), (len(data) // 2, None), (5000, 0)):
        folder = tmp_path / f"cut{size}"
        folder.mkdir()
        (folder / "rows.arrows").write_bytes(data[:size])
        (folder / "meta.json").write_text((tmp_path / "r" / "meta.json").read_text())
        found = ResultTable.open(folder)
        assert not found.complete
        assert found.n_rows % 500 == 0 and (rows is None or found.n_rows == rows)
        assert found.take(np.arange(found.n_rows)).equals(table.slice(0, found.n_rows).combine_chunks())
        assert found.count(RowView((), '"mag" IS NULL OR TRUE')) == found.n_rows
    result.abandon()
    kept = ResultTable.open(tmp_path / "r")
    assert kept.n_rows == 3000 and not kept.complete and not result.complete


def test_a_full_disk_keeps_what_is_on_it(tmp_path, objects, monkeypatch):
    from portal.table import store

    monkeypatch.setattr(store, "WRITE_ROWS", 1)
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    batches = table.to_batches(max_chunksize=1000)
    result.append(batches[0])

    class Full:
        def __init__(self, file):
            self._file = file

        def write(self, data):
            self._file.write(bytes(data)[:3000])
            raise OSError(28, "No space left on device")

        def __getattr__(self, name):
            return getattr(self._file, name)

    result._store._file = Full(result._store._file)
    with pytest.raises(LimitError, match="No space left"):
        result.append(batches[1])
    result.abandon()
    # Rows that were shown stay to be seen while the table is open; those on disk stay for good.
    assert result.n_rows == 2000 and not result.complete
    assert result.take(np.arange(2000)).equals(table.slice(0, 2000).combine_chunks())
    assert ResultTable.open(tmp_path / "r").n_rows == 1000
    assert ResultTable.open(tmp_path / "r").take(np.arange(1000)).equals(table.slice(0, 1000).combine_chunks())


def test_folders_that_hold_no_result(tmp_path, stored):
    with pytest.raises(FormatError):
        ResultTable.open(tmp_path / "nothing")
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "rows.arrows").write_bytes(b"x" * 100)
    (folder / "meta.json").write_text("{}")
    with pytest.raises(FormatError):
        ResultTable.open(folder)
    doc = json.loads((stored.folder / "meta.json").read_text())
    doc["columns"][0]["datatype"] = "float"
    (folder / "meta.json").write_text(json.dumps(doc))
    (folder / "rows.arrows").write_bytes((stored.folder / "rows.arrows").read_bytes())
    with pytest.raises(FormatError):
        ResultTable.open(folder)


def test_delete_removes_the_folder(tmp_path, objects):
    result = ResultTable.from_arrow(tmp_path / "r", *objects)
    result.delete()
    assert not (tmp_path / "r").exists()


def test_awkward_names(tmp_path):
    names = ["ra", "RA", "ra", 'a "quoted" name', "with space", "Δt", "select", "__ROW__", ""]
    meta = TableMeta(tuple(Column(name, "int") for name in names))
    table = pa.Table.from_arrays([pa.array([at, 5 - at], pa.int32()) for at in range(len(names))], names=names)
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    assert [item.name for item in result.meta.columns][:4] == ["ra", "RA_1", "ra_2", 'a "quoted" name']
    for at, item in enumerate(result.meta.columns):
        assert result.take(np.array([1]), [item.name])[item.name].to_pylist() == [5 - at]
        assert result.rows(RowView(((item.name, False),))).tolist() == ([0, 1] if at <= 5 - at else [1, 0])
        assert result.distinct(item.name)
    assert ResultTable.open(tmp_path / "r").meta == result.meta


def test_no_rows_or_no_columns(tmp_path):
    meta = TableMeta((Column("x"), Column("name", "char", "*")))
    empty = ResultTable.from_arrow(tmp_path / "a", meta, meta.to_schema().empty_table())
    view = RowView((("x", True),), '"x" > 1')
    assert (empty.n_rows, empty.count(view), empty.rows(view).tolist()) == (0, 0, [])
    assert empty.page(view, 0, 100)[1].column_names == ["x", "name"]
    assert empty.numbers(['"x"', '"x" + 1'])[1].tolist() == [] and empty.place(view, 0) == -1
    assert ResultTable.open(tmp_path / "a").complete
    bare = ResultTable.from_arrow(tmp_path / "b", TableMeta(()), pa.table({}))
    assert (bare.n_rows, bare.count(), bare.page(ALL, 0, 10)[1].num_columns) == (0, 0, 0)
    assert ResultTable.open(tmp_path / "b").meta.columns == ()


def test_rows_that_do_not_fit_are_refused(tmp_path):
    result = ResultTable.create(tmp_path / "r", TableMeta((Column("n", "short"),)))
    result.append(pa.record_batch([pa.array([1, 2], pa.int64())], names=["n"]))
    with pytest.raises(FormatError):
        result.append(pa.record_batch([pa.array([1 << 20])], names=["n"]))
    with pytest.raises(FormatError):
        result.append(pa.record_batch([pa.array([1]), pa.array([1])], names=["n", "m"]))
    with pytest.raises(FormatError):
        result.finish(TableMeta((Column("n", "double"),)))
    assert result.n_rows == 2 and result.take(np.array([0, 1]))["n"].to_pylist() == [1, 2]


def test_positions(tmp_path):
    def found(*columns: Column):
        return ResultTable.create(tmp_path / str(len(list(tmp_path.iterdir()))), TableMeta(columns)).positions()

    ra, dec = Column("a", ucd="pos.eq.ra"), Column("d", ucd="pos.eq.dec")
    main = Column("m", ucd="pos.eq.ra;meta.main"), Column("n", ucd="pos.eq.dec;meta.main")
    assert found(ra, dec, *main) == ("m", "n")
    assert found(Column("e", ucd="stat.error;pos.eq.ra"), ra, dec) == ("a", "d")
    assert found(Column("ra"), Column("dec"), Column("coord_ra"), Column("coord_dec")) == ("coord_ra", "coord_dec")
    assert found(Column("RA"), Column("decl")) == ("RA", "decl")
    assert found(Column("s_ra"), Column("s_dec")) == ("s_ra", "s_dec")
    assert found(Column("ra", "char", "*"), Column("dec", "char", "*")) is None
    assert found(Column("x"), ra) is None


def test_stopping(stored):
    stop = Stop()
    stop.set()
    with pytest.raises(CancelledError):
        stored.rows(RowView((("mag", False),)), stop)
    assert len(stored.rows(RowView((("mag", False),)))) == 3000
    stop = Stop()
    slow = "(SELECT count(*) FROM t a, t b, t c WHERE a.mag + b.mag + c.mag > 1e0) > 0"
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(CancelledError):
        stored.where(slow, stop)
    timer.join()


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.none() | st.integers(-3, 3), st.none() | st.floats(width=32)), min_size=1, max_size=60),
    st.permutations([("n", False), ("x", True)]) | st.sampled_from([[("x", False)], [("x", True), ("n", True)]]),
    st.integers(1, 20),
)
def test_pages_join_to_the_whole_order(tmp_path_factory, cells, sort, size):
    meta = TableMeta((Column("n", "int"), Column("x", "float")))
    arrays = [pa.array([a for a, _ in cells], pa.int32()), pa.array([b for _, b in cells], pa.float32())]
    table = pa.table(arrays, schema=meta.to_schema())
    result = ResultTable.from_arrow(tmp_path_factory.mktemp("r"), meta, table)
    view = RowView(tuple(sort))
    pages = [row for start in range(0, len(cells), size) for row in result.page(view, start, size)[0].tolist()]
    assert pages == expected_order(table, sort)
    assert [result.place(view, row) for row in pages] == list(range(len(cells)))
    result.delete()
