"""Presets of derived columns: their values by the textbook, and what they say of themselves."""

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.table.columns import Column, TableMeta
from portal.table.presets import filled, presets
from portal.table.result import ResultTable

VALUES = {
    ("g_psfFlux", "nJy"): [3631e9, 100.0, 0.0, -5.0, None],
    ("g_psfFluxErr", "nJy"): [1.0, 10.0, 1.0, 1.0, 1.0],
    ("r_psfFlux", "nJy"): [1.0] * 5,
    ("old", "Jy"): [3631.0, 1.0, 1.0, 1.0, 1.0],
    ("gmag", "mag"): [21.0] * 5,
    ("rmag", "mag"): [20.5] * 5,
    ("coord_ra", "deg"): [62.0, 62.0, 359.999, 62.0, None],
    ("coord_dec", "deg"): [-37.0, -37.0 + 1 / 3600, 0.0, 53.0, 0.0],
}
COLUMNS = tuple(Column(name, unit=unit) for name, unit in VALUES)


@pytest.fixture
def made(tmp_path):
    """``made(key, *inputs)``: the column and its values."""
    table = pa.table([pa.array(item, pa.float64()) for item in VALUES.values()], names=[item.name for item in COLUMNS])
    result = ResultTable.from_arrow(tmp_path / "r", TableMeta(COLUMNS), table)

    def make(key, *inputs):
        column = result.derive(*filled(key, inputs, result.meta.columns))
        return column, result.take(np.arange(5), [column.name])[column.name].to_pylist()

    yield make
    result.close()


def test_magnitudes_and_their_errors(made):
    column, values = made("mag", "g_psfFlux")
    assert (column.name, column.unit, column.ucd) == ("g_psfMag", "mag", "phot.mag;em.opt.B")
    assert values[:2] == pytest.approx([31.4 - 2.5 * np.log10(3631e9), 26.4])
    assert values[2:] == [None] * 3  # no magnitude without flux
    column, values = made("magerr", "g_psfFlux", "g_psfFluxErr")
    assert (column.unit, column.ucd) == ("mag", "stat.error;phot.mag;em.opt.B")
    assert values[1] == pytest.approx(0.10857362) and values[2:] == [None] * 3
    assert made("mag", "old")[1][0] == pytest.approx(0, abs=1e-3)  # Jy


def test_colour_and_signal_to_noise(made):
    column, values = made("colour", "gmag", "rmag")
    assert (column.name, column.ucd, values) == ("g_r", "phot.color;em.opt.B;em.opt.R", [0.5] * 5)
    column, values = made("snr", "g_psfFlux", "g_psfFluxErr")
    assert (column.ucd, values) == ("stat.snr;phot.flux", [3631e9, 10, 0, -5, None])


def test_separation_and_row_number(made):
    column, values = made("separation", "coord_ra", "coord_dec", "62", "-37")
    assert (column.unit, column.ucd) == ("arcsec", "pos.angDistance")
    assert values[:2] == pytest.approx([0, 1.0], abs=1e-9) and values[3] == pytest.approx(90 * 3600)
    assert values[4] is None
    assert made("row")[1] == [1, 2, 3, 4, 5]
    assert made("row")[0].name == "row_2"  # a name that is taken gets a number


def test_what_is_offered_and_refused():
    offered = {item.key: item for item in presets(COLUMNS)}
    assert list(offered) == ["mag", "magerr", "colour", "snr", "separation", "row"]
    assert [item.value for item in offered["colour"].inputs] == ["gmag", "rmag"]
    assert [item.value for item in offered["snr"].inputs] == ["g_psfFlux", "g_psfFluxErr"]
    assert [item.value for item in offered["separation"].inputs] == ["coord_ra", "coord_dec", "", ""]
    assert [item.key for item in presets((Column("s", "char", "*"),))] == ["row"]
    place = ("separation", ["coord_ra", "coord_dec", "62; --", "1"])
    for key, inputs in [("nothing", []), ("mag", []), ("mag", ["no"]), place]:
        with pytest.raises(QueryError):
            filled(key, inputs, COLUMNS)
