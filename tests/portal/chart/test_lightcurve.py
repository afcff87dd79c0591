"""A light curve loses no row silently, keeps ids exact and tells limits from detections."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from portal.chart.bands import BANDS, STYLES
from portal.chart.lightcurve import read_curve, to_mag
from portal.errors import FormatError
from portal.table.columns import Column, TableMeta

META = TableMeta(
    (
        Column("objectId", "long"),
        Column("expMidptMJD", "double", unit="d"),
        Column("band", "char", "*"),
        Column("visit", "long"),
        Column("psfFlux", "float", unit="nJy"),
        Column("psfFluxErr", "float", unit="nJy"),
        Column("psfFlux_flag", "boolean"),
        Column("psfDiffFlux", "float", unit="nJy"),
        Column("psfDiffFluxErr", "float", unit="nJy"),
    )
)
ROWS = {
    "objectId": [9007199254740993] * 6,
    "expMidptMJD": [60003.0, 60001.0, 60002.0, None, 60004.0, 60005.0],
    "band": ["r", "u", "r", "g", "r", None],
    "visit": [2024110800245, 2, 3, 4, 5, 6],
    "psfFlux": [360.0, 10.0, 380.0, 5.0, None, 7.0],
    "psfFluxErr": [3.6, 10.0, 3.8, 1.0, 1.0, 1.0],
    "psfFlux_flag": [False, True, None, False, False, False],
    "psfDiffFlux": [-5.0, 10.0, 1.0, 1.0, 1.0, 1.0],
    "psfDiffFluxErr": [1.0] * 6,
}


def table(rows: dict = ROWS, meta: TableMeta = META) -> pa.Table:
    return pa.table(
        {name: pa.array(values, meta.column(name).arrow) for name, values in rows.items()}, meta.to_schema()
    )


def test_bands_in_order_and_rows_in_time() -> None:
    curve = read_curve(table())
    direct = curve.series["direct"]
    assert curve.object_id == "9007199254740993"
    assert [band.band for band in direct.bands] == ["u", "r", "?"]
    red = direct.bands[1]
    assert red.mjd.tolist() == [60002.0, 60003.0]
    assert red.visit == ("3", "2024110800245")
    assert red.row.tolist() == [2, 0]
    assert direct.bands[0].flagged.tolist() == [True]
    assert direct.n + direct.unplaced == 6 and direct.unplaced == 2


def test_both_fluxes_are_read() -> None:
    curve = read_curve(table(), META)
    assert curve.series["difference"].flux_name == "psfDiffFlux"
    assert curve.series["difference"].n == 5 and curve.n == 5


def test_among_detections_the_plain_name_is_the_difference() -> None:
    meta = TableMeta(
        (
            Column("diaObjectId", "long"),
            Column("midPointTai", "double"),
            Column("filterName", "char", "*"),
            Column("psFlux", "double", unit="uJy"),
            Column("totFlux", "double", unit="nJy"),
        )
    )
    rows = {"diaObjectId": [1, 2], "midPointTai": [1.0, 2.0], "filterName": ["g", "g"]}
    curve = read_curve(table({**rows, "psFlux": [1.0, -2.0], "totFlux": [5.0, 6.0]}, meta))
    assert curve.object_id == ""
    assert curve.series["difference"].bands[0].flux.tolist() == [1000.0, -2000.0]
    assert curve.series["direct"].bands[0].flux.tolist() == [5.0, 6.0]
    assert np.isnan(curve.series["direct"].bands[0].err).all()


def test_columns_are_found_by_ucd() -> None:
    meta = TableMeta(
        (
            Column("t", "double", ucd="time.epoch"),
            Column("f", "char", "*", ucd="meta.id;instr.bandpass"),
            Column("brightness", "double", ucd="phot.flux"),
        )
    )
    curve = read_curve(table({"t": [1.0], "f": ["y"], "brightness": [2.0]}, meta))
    assert curve.series["direct"].bands[0].band == "y"


@pytest.mark.parametrize("gone", ["expMidptMJD", "psfFlux"])
def test_a_table_without_time_or_flux_is_told(gone: str) -> None:
    left = TableMeta(tuple(c for c in META.columns if c.name != gone and "Diff" not in c.name))
    rows = {name: values for name, values in ROWS.items() if name in {c.name for c in left.columns}}
    with pytest.raises(FormatError, match=r"no (time|flux) column"):
        read_curve(table(rows, left))


def test_an_empty_table_is_an_empty_curve() -> None:
    curve = read_curve(table({name: [] for name in ROWS}))
    assert curve.n == 0 and curve.object_id == ""


def test_magnitudes() -> None:
    mags = to_mag(np.array([360.0, 1.0]), np.array([3.6, 0.1]))
    assert mags.mag == pytest.approx([31.4 - 2.5 * np.log10(360), 31.4])
    assert mags.err == pytest.approx([0.010857, 0.10857], rel=1e-4)
    assert not mags.limit.any()


def test_what_is_not_detected_becomes_a_limit() -> None:
    flux, err = np.array([4.0, 0.0, -50.0, 3.0, -1.0, np.nan]), np.array([1.0, 1.0, 2.0, np.nan, np.nan, 1.0])
    mags = to_mag(flux, err)
    assert mags.limit.tolist() == [True, True, True, False, True, False]
    assert mags.mag[:3] == pytest.approx(31.4 - 2.5 * np.log10([5.0, 5.0, 10.0]))
    assert mags.mag[3] == pytest.approx(31.4 - 2.5 * np.log10(3.0))
    assert np.isnan(mags.mag[4:]).all() and np.isnan(mags.err).all()


def test_each_band_has_its_own_colours_and_marker() -> None:
    assert tuple(STYLES) == BANDS
    for part in range(3):
        assert len({style[part] for style in STYLES.values()}) == 6
