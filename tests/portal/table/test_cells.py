"""What stands in a cell: exact identifiers, honest digits."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.table.cells import cell_texts
from portal.table.columns import Column

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("column", "values", "texts"),
    [
        (Column("objectId", "long"), [1651281746966117378, -1, None], ["1651281746966117378", "-1", None]),
        (Column("n", "unsignedByte"), [255, None], ["255", None]),
        (Column("f", "float"), [0.1, 25, 1e-12, None, NAN, -INF], ["0.1", "25", "1e-12", None, "NaN", "-Inf"]),
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
