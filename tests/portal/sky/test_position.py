"""Positions as people write them, against astropy."""

from __future__ import annotations

import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import QueryError
from portal.sky.position import parse_position


@pytest.mark.parametrize(
    "text", ["62.0369 -36.9656", "62.0369, -36.9656", "62.0369d -36.9656d", "04:08:08.856 -36:57:56.16",
             "4h8m8.856s, -36d57m56.16s", "62.0369 −36.9656 icrs", "04 08 08.856 -36 57 56.16"]
)  # fmt: skip
def test_one_position_in_many_spellings(text) -> None:
    ra, dec = parse_position(text)
    assert abs(ra - 62.0369) < 1e-6 and abs(dec + 36.9656) < 1e-6


@pytest.mark.parametrize(
    ("word", "frame"), [("gal", "galactic"), ("ecl", "barycentricmeanecliptic"), ("sgal", "supergalactic")]
)
def test_pairs_of_other_frames(word: str, frame: str) -> None:
    spot = SkyCoord(120.5, -30.25, unit="deg", frame=frame).icrs
    assert parse_position(f"120.5 -30.25 {word}") == pytest.approx((spot.ra.deg, spot.dec.deg))


@pytest.mark.parametrize(
    "text", ["", "M31", "400 10", "10 -91", "12:99:00 0:0:0", "1 2 3 4 5 6 7 8", "4:8:0 -37:0:0 gal", "24h -97d"]
)
def test_what_is_no_position(text) -> None:
    with pytest.raises(QueryError):
        parse_position(text)


@given(st.text(max_size=40))
def test_any_text_is_a_position_or_a_clear_error(text) -> None:
    try:
        ra, dec = parse_position(text)
    except QueryError as error:
        assert error.message
    else:
        assert 0 <= ra <= 360 and -90 <= dec <= 90
