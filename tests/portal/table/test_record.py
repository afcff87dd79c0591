"""Which column is whose error, and a value with all its digits."""

from __future__ import annotations

import pyarrow as pa
import pytest

from portal.table.columns import Column
from portal.table.record import WHOLE_LIMIT, error_columns, value_texts


@pytest.mark.parametrize(
    ("value", "error", "is_pair"),
    [
        (Column("g_psfFlux", unit="nJy"), Column("g_psfFluxErr", unit="nJy"), True),
        (Column("gmag", unit="mag"), Column("gmag_err", unit="mag"), True),
        (Column("Bmag"), Column("e_Bmag"), True),
        (Column("coord_ra", unit="deg"), Column("coord_raErr", unit="deg"), True),
        (Column("ra"), Column("raSigma"), True),
        (Column("DEC"), Column("sigma_dec"), True),
        (Column("flux_r"), Column("fluxErr_r"), True),
        (Column("flux", unit="nJy"), Column("fluxErr", unit="mag"), False),
        (Column("flux"), Column("fluxErr", "char", "*"), False),
        (Column("a", ucd="phot.mag;em.opt.G;meta.main"), Column("b", ucd="stat.error; phot.mag;em.opt.g"), True),
        (Column("a", ucd="phot.mag;em.opt.G"), Column("b", ucd="stat.error;phot.mag;em.opt.R"), False),
        (Column("a"), Column("b"), False),
    ],
)
def test_errors_are_found_by_name_and_ucd(value, error, is_pair) -> None:
    assert error_columns([error, value]) == ({value.name: error.name} if is_pair else {})


def test_a_ucd_that_two_columns_share_pairs_nothing() -> None:
    columns = [Column("a", ucd="phot.mag"), Column("b", ucd="phot.mag"), Column("c", ucd="stat.error;phot.mag")]
    assert error_columns(columns) == {}


def test_values_with_all_their_digits() -> None:
    ra = Column("coord_ra", unit="deg", ucd="pos.eq.ra")
    values = pa.chunked_array([pa.array([62.677324370503854, None])])
    assert value_texts(ra, values) == [["62.6773244", "62.677324370503854"], [None, None]]
    assert value_texts(ra, values, "hms")[0][0] == "04 10 42.5578"
    spectrum = pa.chunked_array([pa.array([[0.5] * 20])])
    assert value_texts(Column("s", "double", "*"), spectrum)[0][1].count("0.5") == 20
    huge = value_texts(Column("s", "char", "*"), pa.chunked_array([pa.array(["x" * (WHOLE_LIMIT + 5)])]))
    assert len(huge[0][1]) == WHOLE_LIMIT
