"""What a user changes before a foreign file becomes a result, and the rows passed on while the file is read."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import CancelledError, FormatError
from portal.table.columns import Column, Info, TableMeta
from portal.table.foreign import Options, Positions, load, preview
from portal.table.foreign.edits import Edit, Edits, edited_batches, edited_meta

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
META = TableMeta(
    (
        Column("id", "long", ucd="meta.id"),
        Column("ra", "double", ucd="pos.eq.ra;meta.main"),
        Column("dec", "double", unit="deg"),
        Column("lon", "double"),
        Column("lat", "double"),
        Column("code", "char", "*"),
    )
)
BATCH = pa.RecordBatch.from_arrays(
    [
        pa.array(IDS),
        pa.array([62.0, None, 62.2]),
        pa.array([-37.0, -37.1, -37.2]),
        pa.array([244.0, 244.1, 244.2]),
        pa.array([-50.0, -50.1, -50.2]),
        pa.array([" 007 ", "", "8"]),
    ],
    schema=META.to_schema(),
)


def edits(*columns: tuple[str, ...], positions: Positions | None = None) -> Edits:
    return Edits(tuple(Edit(*(column + (column[0], "")[len(column) - 1 :])) for column in columns), positions)


def test_columns_are_kept_renamed_typed_and_described() -> None:
    wanted = Edits((Edit("code", "n", "int", "s", "A count"), Edit("id", "N", "char"), Edit("dec", "", "")))
    told = edited_meta(META, wanted)
    assert [(c.name, c.datatype) for c in told.columns] == [("n", "int"), ("N_1", "char"), ("dec", "double")]
    assert told.columns[0].unit == "s" and told.columns[0].description == "A count"
    [rows] = edited_batches(META, wanted, [BATCH])
    assert rows.to_pydict() == {"n": [7, None, 8], "N_1": [str(n) for n in IDS], "dec": [-37.0, -37.1, -37.2]}


def test_a_value_that_does_not_fit_is_named_with_its_row() -> None:
    late = pa.RecordBatch.from_arrays([*BATCH.columns[:5], pa.array(["1", "2", "3.5"])], schema=BATCH.schema)
    with pytest.raises(FormatError, match=r"Column code, row 6: '3.5' is no int"):
        list(edited_batches(META, edits(("code", "code", "int")), [BATCH, late]))
    with pytest.raises(FormatError, match="would lose digits"):
        list(edited_batches(META, edits(("id", "id", "double")), [BATCH]))
    with pytest.raises(FormatError, match="no column gone"):
        edited_meta(META, edits(("gone",)))


def test_positions_in_degrees_are_marked_and_others_are_added() -> None:
    told = edited_meta(META, edits(("id",), ("ra",), ("lon",), ("lat",), positions=Positions("lon", "lat")))
    assert {c.name: (c.ucd, c.unit) for c in told.columns[1:]} == {
        "ra": ("pos.eq.ra", ""),
        "lon": ("pos.eq.ra;meta.main", "deg"),
        "lat": ("pos.eq.dec;meta.main", "deg"),
    }


def test_positions_in_another_frame_are_added_in_degrees(monkeypatch) -> None:
    turned = [10.0, np.nan, 12.0], [1.0, np.nan, 3.0]
    monkeypatch.setattr("portal.table.foreign.edits.degrees", lambda table, places: [np.array(v) for v in turned])
    wanted = edits(("id",), positions=Positions("lon", "lat", "deg", "galactic", ("Galactic by name.",)))
    told = edited_meta(META, wanted)
    assert [c.name for c in told.columns] == ["id", "ra_icrs", "dec_icrs"]
    assert Info("NOTE", "Galactic by name.") in told.infos
    [rows] = edited_batches(META, wanted, [BATCH])
    assert rows.to_pydict()["ra_icrs"] == [10.0, None, 12.0] and rows.to_pydict()["dec_icrs"] == [1.0, None, 3.0]
    # Positions that are not kept, or are text, are added too.
    assert edited_meta(META, edits(("id",), positions=Positions("lon", "lat"))).columns[1].name == "ra_icrs"
    assert len(edited_meta(META, edits(("id",), ("code",), ("lat",), positions=Positions("code", "lat"))).columns) == 5


def slow_reader(gate: threading.Event, fails: bool = False):
    """A reader that shows one batch, waits, then gives another or fails."""

    def rows(stop: threading.Event, progress):
        progress(3, 0.5)
        yield BATCH
        while not gate.wait(0.01):
            if stop.is_set():
                raise CancelledError("Stopped.")
        if fails:
            raise FormatError("Line 5 has 7 fields.")
        yield BATCH
        return TableMeta(META.columns, infos=(Info("NOTE", "One line was empty."),))

    return lambda path, name, options, stop, progress: (META, rows(stop, progress))


def test_rows_are_passed_on_while_the_file_is_read(tmp_path: Path, monkeypatch) -> None:
    gate, told = threading.Event(), []
    monkeypatch.setattr("portal.table.foreign.load.open_file", slow_reader(gate))
    file = tmp_path / "lent"
    file.write_text("x")
    meta, batches = load.load(
        file, "x.csv", Options(), edits(("id",)), threading.Event(), lambda *now: told.append(now)
    )
    assert meta.columns[0].name == "id"
    assert next(batches).column(0).to_pylist() == IDS and told == [(3, 0.5)]
    gate.set()
    rest = []
    while True:
        try:
            rest.append(next(batches))
        except StopIteration as end:
            last = end.value
            break
    assert [row for batch in rest for row in batch.column(0).to_pylist()] == IDS
    assert Info("NOTE", "One line was empty.") in last.infos
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", [True, False])
def test_a_reader_that_fails_or_is_stopped_leaves_nothing_behind(tmp_path: Path, monkeypatch, fails: bool) -> None:
    gate, stop = threading.Event(), threading.Event()
    monkeypatch.setattr("portal.table.foreign.load.open_file", slow_reader(gate, fails))
    file = tmp_path / "lent"
    file.write_text("x")
    _, batches = load.load(file, "x", Options(), edits(("id",)), stop, lambda *now: None)
    next(batches)
    (gate if fails else stop).set()
    with pytest.raises(FormatError if fails else CancelledError):
        list(batches)
    assert not list(tmp_path.iterdir())


def test_a_file_whose_rows_nobody_takes_is_deleted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("portal.table.foreign.load.open_file", slow_reader(threading.Event()))
    file = tmp_path / "lent"
    file.write_text("x")
    load.load(file, "x", Options(), edits(("id",)), threading.Event(), lambda *now: None)[1].close()
    assert not file.exists()


def test_types_are_asked_of_the_reader_of_text_only() -> None:
    wanted = Edits((Edit("id", "id", "char"), Edit("ra", "ra", "")))
    assert load.with_types(Options(), "csv", wanted).types == (("id", "char"),)
    assert load.with_types(Options(), "fits", wanted).types == ()


def test_regions_of_another_frame_are_read_in_the_process_without_pandas(tmp_path: Path) -> None:
    """astropy.coordinates asks whether pandas is there, which must not fail."""
    file = tmp_path / "areas.reg"
    file.write_text("fk5\npolygon(62,-37.1,62.1,-37.1,62.1,-37.0)\n")
    _, rows, _ = preview(file, "areas.reg")
    corners = np.array(rows["s_region"].to_pylist()[0].removeprefix("POLYGON ICRS ").split(), float)
    assert np.allclose(corners, [62, -37.1, 62.1, -37.1, 62.1, -37.0], atol=1e-4)
