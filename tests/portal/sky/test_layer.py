"""What a result looks like on the sky: its marks, colours and sizes in the order of the index, and what is answered."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.sky.layer import Asked, Layer, answer, label_columns, read_layer
from portal.sky.marks import OTHER, Paint, points_bytes
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable

N = 3000
NAMES = ("coord_ra", "coord_dec")
FIRST = 2**60 + 1  # ids beyond what a double holds


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ResultTable:
    rng = np.random.default_rng(2)
    columns = {
        "objectId": ("long", np.arange(N) + FIRST),
        "coord_ra": ("double", (rng.normal(0, 0.2, N) + 360) % 360),
        "coord_dec": ("double", rng.normal(-1, 0.2, N)),
        "mag": ("float", rng.normal(22, 1, N).astype(np.float32)),
        "band": ("char", np.array(["u", "g", "r", "i", "z", "y"])[rng.integers(0, 6, N)]),
        "visit": ("int", rng.integers(0, 400, N).astype(np.int32)),
        "tract": ("int", rng.integers(7, 10, N).astype(np.int32)),
        "flag": ("boolean", rng.random(N) < 0.3),
        "name": ("char", np.array([f"star o'{i % 40}" for i in range(N)])),
    }
    arrays = {name: pa.array(values) for name, (_, values) in columns.items()}
    arrays["mag"] = pa.array(columns["mag"][1], mask=np.arange(N) % 11 == 0)
    arrays["band"] = pa.array(columns["band"][1].tolist(), mask=np.arange(N) % 13 == 0)
    meta = TableMeta(tuple(Column(name, kind) for name, (kind, _) in columns.items()))
    return ResultTable.from_arrow(tmp_path_factory.mktemp("rows") / "one", meta, pa.table(arrays))


def read_points(content: bytes) -> dict:
    """The reader of static/sky/points.js, once more."""
    length = int.from_bytes(content[:4], "little")
    out = json.loads(content[4 : 4 + length])
    at, n = 4 + length, out["n"]
    assert at % 8 == 0, "numbers of eight bytes lie where a browser can read them in place"
    kinds = [("ra", "<f8"), ("dec", "<f8"), ("row", "<u4"), *([("value", "<f4")] if out["valued"] else [])]
    for name, kind in [*kinds, *([("size", "u1")] if out["sized"] else []), ("marked", "u1")]:
        out[name] = np.frombuffer(content, kind, n, at)
        at += out[name].nbytes
    assert at == len(content)
    return out


def test_points_carry_their_row_marks_colour_and_size(table: ResultTable) -> None:
    asked = Asked('"mag" < 23', '"tract" = 8', Paint(colour="mag", size="visit"))
    layer = read_layer(table, NAMES, asked)
    found = read_points(answer(layer, "points", {"ra": "0", "dec": "-1", "r": "0.3"}, [])[0])
    ra, dec, mag = table.numbers([*NAMES, "mag"])
    tract, visit = table.numbers(["tract", "visit"])
    kept = np.flatnonzero(mag < 23)
    assert sorted(found["row"]) == kept.tolist() and found["circle"] is None and not found["dense"]
    rows = found["row"]
    assert np.array_equal(found["ra"], ra[rows]) and np.array_equal(found["dec"], dec[rows])
    assert np.array_equal(found["value"], mag[rows])
    assert np.array_equal(found["marked"], tract[rows] == 8)
    assert (np.diff(found["size"][np.argsort(visit[rows])].astype(int)) >= 0).all() and np.ptp(found["size"]) == 255
    low, high = np.percentile(mag[kept], [2, 98])
    assert (layer.scale.low, layer.scale.high) == pytest.approx((low, high))
    assert read_layer(table, NAMES, Asked(paint=Paint(colour="mag", low=20.0, high=21.0))).scale[1:3] == (20.0, 21.0)


def test_few_values_are_classes_and_many_are_numbers(table: ResultTable) -> None:
    def classes(name: str) -> tuple[Layer, dict]:
        layer = read_layer(table, NAMES, Asked(paint=Paint(colour=name)))
        return layer, read_points(answer(layer, "points", {"ra": "0", "dec": "0", "r": "360"}, [])[0])

    layer, found = classes("band")
    texts = table.now().column("band").to_pylist()
    assert sorted(layer.scale.classes) == sorted("ugrizy")
    for row, value in zip(found["row"], found["value"]):
        assert np.isnan(value) if texts[row] is None else layer.scale.classes[int(value)] == texts[row]
    assert classes("tract")[0].scale.classes == ("7", "8", "9")
    assert set(classes("flag")[0].scale.classes) == {"true", "false"}
    assert classes("visit")[0].scale.classes == ()
    layer, found = classes("name")
    assert len(layer.scale.classes) == 11 and layer.scale.classes[-1] == OTHER and found["value"].max() == 10
    for name in ("nothing", ""):
        assert Paint(colour=name, size=name).fitting(table.meta) == Paint()
    with pytest.raises(QueryError, match="no column"):
        read_layer(table, NAMES, Asked(paint=Paint(colour="nothing")))
    with pytest.raises(QueryError, match="no numbers"):
        read_layer(table, NAMES, Asked(paint=Paint(size="band")))


def test_too_many_rows_for_points_are_density_and_a_small_view_has_points_again(
    table: ResultTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sky.layer.POINTS", 200)
    layer = read_layer(table, NAMES, Asked())
    wide = read_points(layer.points(0.0, -1.0, 1.0))
    assert wide["dense"] and wide["n"] == 0 and wide["rows"] == N and N * 0.9 < wide["about"] <= N
    near = read_points(layer.points(0.0, -1.0, 0.03))
    assert not near["dense"] and near["circle"][2] == pytest.approx(0.045), "a little more than asked"
    edge = read_points(layer.points(0.0, -1.0, 0.068))
    assert not edge["dense"] and edge["circle"][2] == pytest.approx(0.068), "no more than asked where it is too much"
    assert read_points(read_layer(table, NAMES, Asked(paint=Paint(way="density")), layer).points(0, -1, 0.01))["dense"]
    assert read_points(read_layer(table, NAMES, Asked(paint=Paint(way="points")), layer).points(0, -1, 1))["n"] == N


def test_what_is_still_true_is_taken_over(table: ResultTable) -> None:
    first = read_layer(table, NAMES, Asked(marks='"tract" = 7', paint=Paint(colour="mag", size="mag")))
    again = read_layer(table, NAMES, Asked(marks='"tract" = 8', paint=Paint(colour="mag", size="mag")), first)
    assert again.index is first.index and again.values is first.values and again.sizes is first.sizes
    assert not np.array_equal(again.marked, first.marked)
    other = read_layer(table, NAMES, Asked('"tract" = 7'), first)
    assert other.index is not first.index and other.marked is None and other.values is None


def test_answers_and_what_is_refused(table: ResultTable) -> None:
    layer = read_layer(table, NAMES, Asked())
    ra, dec = table.numbers(NAMES)
    place = {"ra": str(ra[17]), "dec": str(dec[17]), "r": "0.001"}
    assert json.loads(answer(layer, "nearest", place, [])[0]) == 17
    columns = label_columns(table, ["mag", "coord_ra", "band", "objectId"])
    assert columns == ["objectId", "mag", "band"]
    assert json.loads(answer(layer, "label", {"row": "17"}, columns)[0])[0] == ["objectId", str(FIRST + 17)]
    total = 0
    for npix in range(48):
        content, kind = answer(layer, f"Norder1/Dir0/Npix{npix}.fits", {}, [])
        assert kind == "application/fits" and len(content) % 2880 == 0
        total += layer.tile(1, npix).count.sum()
    assert total == N
    assert b"hips_tile_format" in answer(layer, "properties", {}, [])[0]
    for what, asked in [
        ("points", {"ra": "0", "dec": "91", "r": "1"}), ("points", {"ra": "nan", "dec": "0", "r": "1"}),
        ("points", {"ra": "0", "dec": "0"}), ("points", {"ra": "0", "dec": "0", "r": "-1"}),
        ("label", {"row": "-1"}), ("label", {"row": "99999"}), ("label", {}), ("Norder99/Dir0/Npix0.fits", {}),
        ("Norder1/Dir0/Npix48.fits", {}), ("Norder1/Dir0/Npix0.png", {}), ("../secret", {}), ("", {}),
    ]:  # fmt: skip
        with pytest.raises(QueryError):
            answer(layer, what, asked, columns)
    empty = points_bytes(layer.index, np.empty(0, np.int64), {})
    assert read_points(empty)["n"] == 0


def test_a_paint_is_saved_and_what_does_not_fit_is_left_out() -> None:
    paint = Paint("density", "mag", "visit", "square", "plasma", 1.5, None)
    assert Paint.from_json(json.loads(json.dumps(paint.to_json()))) == paint
    for doc in (None, [], "x", [1, 2, 3], ["no", 5, None, "no", "no", "a", float("inf")]):
        assert Paint.from_json(doc) == Paint()
