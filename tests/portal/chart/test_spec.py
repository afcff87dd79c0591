"""Axes follow the conventions: magnitudes down, right ascension left, ids never."""

from __future__ import annotations

import pytest

from portal.chart.spec import chart_spec, default_spec
from portal.table.columns import Column, TableMeta


def meta(*columns: Column) -> TableMeta:
    return TableMeta(columns)


OBJECT = meta(
    Column("objectId", "long", ucd="meta.id;src;meta.main"),
    Column("coord_ra", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
    Column("coord_dec", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
    Column("detect_isPrimary", "boolean"),
    Column("gmag", "double", unit="mag"),
    Column("imag", "double"),
    Column("gmag_err", "double", unit="mag"),
    Column("g_cModelFlux", "float", unit="nJy"),
    Column("odd name", "double", unit="s"),
)


def test_default_is_two_magnitudes() -> None:
    spec = default_spec(OBJECT)
    assert (spec.x.expression, spec.y.expression) == ("gmag", "imag")
    assert spec.x.label == "gmag [mag]" and not spec.x.flipped and spec.y.flipped


def test_default_of_a_light_curve_is_time_and_flux() -> None:
    spec = default_spec(
        meta(
            Column("objectId", "long"),
            Column("visit", "long"),
            Column("psfFluxErr", "float", unit="nJy"),
            Column("psfFlux", "float", unit="nJy"),
            Column("expMidptMJD", "double", unit="d", ucd="time.epoch;obs.exposure"),
        )
    )
    assert (spec.x.expression, spec.y.expression) == ("expMidptMJD", "psfFlux")


def test_default_of_positions_alone() -> None:
    spec = default_spec(meta(Column("s_ra", "double", ucd="pos.eq.ra"), Column("s_dec", "double", ucd="pos.eq.dec")))
    assert (spec.x.expression, spec.x.flipped, spec.y.flipped) == ("s_ra", True, False)


@pytest.mark.parametrize(
    "columns",
    [
        (),
        (Column("objectId", "long", ucd="meta.id"), Column("sourceId", "long")),
        (Column("name", "char", "*"), Column("flag", "boolean")),
        (Column("only", "double"),),
    ],
)
def test_nothing_to_draw(columns: tuple[Column, ...]) -> None:
    assert default_spec(meta(*columns)) is None


def test_a_name_that_is_no_word_is_quoted() -> None:
    spec = default_spec(meta(Column("odd name", "double", unit="s"), Column("other", "double")))
    assert spec.x.expression == '"odd name"' and spec.x.label == "odd name [s]"


@pytest.mark.parametrize(
    ("expression", "flipped", "label"),
    [
        ("imag", True, "imag"),
        ("gmag + 0.1", True, "gmag + 0.1 [mag]"),
        ("gmag - gmag", False, "gmag - gmag [mag]"),
        ("- gmag", False, "- gmag [mag]"),
        ("gmag_err", False, "gmag_err [mag]"),
        ("-2.5*LOG10(g_cModelFlux)+31.4", True, "-2.5*LOG10(g_cModelFlux)+31.4 [mag]"),
        ("g_cModelFlux * 2", False, "g_cModelFlux * 2"),
        ("coord_ra", False, "coord_ra [deg]"),
    ],
)
def test_direction_and_label_of_y(expression: str, flipped: bool, label: str) -> None:
    axis = chart_spec(OBJECT, "gmag", expression).y
    assert (axis.flipped, axis.label) == (flipped, label)


def test_right_ascension_grows_to_the_left() -> None:
    assert chart_spec(OBJECT, "COORD_RA", "coord_dec").x.flipped
    assert not chart_spec(OBJECT, "coord_ra - 62", "coord_dec").x.flipped
    assert chart_spec(OBJECT, "gmag", "imag", x_log=True).x.log


@pytest.mark.parametrize("name", ["gr", "g_i", "g_minus_r", "colour", "amplitude", "ebv"])
def test_what_is_in_mag_but_no_brightness_grows_upwards(name: str) -> None:
    table = meta(Column(name, "double", unit="mag"), Column("imag", "double", unit="mag"))
    assert not chart_spec(table, "imag", name).y.flipped and chart_spec(table, name, "imag").y.flipped


def test_ids_of_a_join_are_no_measurements() -> None:
    names = ("objectId_1", "ra_1", "dec_1", "nVisits_1", "objectId_2", "nVisits_2")
    ucds = {"ra_1": "pos.eq.ra;meta.main", "dec_1": "pos.eq.dec;meta.main"}
    columns = [Column(name, "double" if name in ucds else "long", ucd=ucds.get(name, "")) for name in names]
    spec = default_spec(TableMeta(tuple(columns)))
    assert (spec.x.expression, spec.y.expression) == ("ra_1", "dec_1")
