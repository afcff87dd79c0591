"""What stands in a cell: exact identifiers, honest digits."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.table.cells import cell_texts, exact_texts, sky_role
from portal.table.columns import Column

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("column", "values", "texts"),
    [
        (Column("objectId", "long"), [1651281746966117378, -1, None], ["1651281746966117378", "-1", None]),
        (Column("n", "unsignedByte"), [255, None], ["255", None]),
        (Column("f", "float"), [0.1, 25, 1e-12, None, NAN, -INF], ["0.1", "25", "1e-12", None, "NaN", "-Inf"]),
        (Column("rMag", "float", unit="mag"), [22.235596, 9.5, None, NAN], ["22.2356", "9.5000", None, "NaN"]),
        (Column("rFluxErr", "float"), [5.930662e-6, 166.5, 167.12345, INF], ["5.931e-06", "166.5", "167.1", "Inf"]),
        (
            Column("m", "double"),
            [24.123456789012345, 0.1, 3.0, None, NAN, INF],
            ["24.12345679", "0.1", "3", None, "NaN", "Inf"],
        ),
        (Column("d", "double"), [1e-300, -1.5e200, 123456789.123456], ["1e-300", "-1.5e+200", "123456789.1"]),
        (Column("coord_ra", unit="deg", ucd="pos.eq.ra;meta.main"), [62.0, None], ["62.0000000", None]),
        (Column("shape_angle", unit="deg"), [62.5], ["62.5"]),
        (Column("coord_raErr", unit="deg", ucd="stat.error;pos.eq.ra"), [1e-8], ["1e-08"]),
        (Column("expMidptMJD", unit="d"), [60623.258551321], ["60623.258551"]),
        (Column("period", unit="d"), [0.5], ["0.5"]),
        (Column("k", "boolean"), [True, False, None], ["true", "false", None]),
        (Column("s", "char", "*"), ["a<b>", "", None], ["a<b>", "", None]),
        (Column("v", "double", "*"), [[1.0, NAN], None, [], [0.5] * 20], ["[1, NaN]", None, "[]", None]),
        (Column("i", "long", "2"), [[2**60 + 1, 2]], ["[1152921504606846977, 2]"]),
    ],
)
def test_texts(column, values, texts):
    found = cell_texts(column, pa.array(values, column.arrow))
    if column.name == "v":
        assert found[3] == "[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, … 20 values]"
        found[3] = None
    assert found == texts


def test_chunked_and_sliced_columns():
    chunks = pa.chunked_array([pa.array([1, 2]), pa.array([3]).slice(0, 1), pa.array([], pa.int64())])
    assert cell_texts(Column("n", "long"), chunks) == ["1", "2", "3"]
    assert cell_texts(Column("n", "long"), pa.chunked_array([], pa.int64())) == []


def test_long_text_is_cut():
    assert len(cell_texts(Column("s", "char", "*"), pa.array(["x" * 10_000]))[0]) == 2000


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_a_float32_reads_back_as_itself(values):
    texts = cell_texts(Column("f", "float"), pa.array(values, pa.float32()))
    assert pa.array([float(item) for item in texts], pa.float32()).equals(pa.array(values, pa.float32()))


RA, DEC = Column("coord_ra", unit="deg", ucd="pos.eq.ra;meta.main"), Column("decl", unit="deg")


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (RA, 62.0, "04 08 00.0000"),
        (RA, 359.9999999999, "00 00 00.0000"),
        (RA, 14.999999999, "01 00 00.0000"),
        (RA, NAN, "NaN"),
        (DEC, -37.0, "-37 00 00.000"),
        (DEC, -0.00001, "-00 00 00.036"),
        (DEC, 89.9999999999, "+90 00 00.000"),
        (DEC, None, None),
        (Column("coord_raErr", unit="deg", ucd="stat.error;pos.eq.ra"), 0.5, "0.5"),
        (Column("glon", unit="deg", ucd="pos.galactic.lon"), 0.5, "0.5000000"),
    ],
)
def test_positions_by_sixties(column, value, text):
    assert cell_texts(column, pa.array([value], pa.float64()), "hms") == [text]
    assert bool(sky_role(column)) == (column in (RA, DEC))


@given(st.floats(0, 359.9999), st.floats(-90, 90))
def test_positions_by_sixties_read_back(ra, dec):
    for column, value, unit, tolerance in ((RA, ra, 15, 15 / 3600e4), (DEC, dec, 1, 1 / 3600e3)):
        (text,) = cell_texts(column, pa.array([value]), "hms")
        whole, minutes, seconds = text.split()
        assert int(minutes) < 60 and float(seconds) < 60
        back = (abs(int(whole)) + int(minutes) / 60 + float(seconds) / 3600) * unit * (-1 if text[0] == "-" else 1)
        assert abs((back - value + 180) % 360 - 180) <= tolerance


def test_what_is_copied_has_every_digit():
    assert exact_texts(pa.array([1651281746966117378, None])) == ["1651281746966117378", ""]
    assert exact_texts(pa.array([62.677324370503854, NAN, None])) == ["62.677324370503854", "NaN", ""]
    assert exact_texts(pa.array([0.1, None], pa.float32())) == ["0.1", ""]
    assert exact_texts(pa.array(["a\tb\r\nc", "", None])) == ["a b c", "", ""]
    assert exact_texts(pa.array([list(range(12)), None])) == [str(list(range(12))), ""]
    assert exact_texts(pa.array([True, False, None])) == ["true", "false", ""]
