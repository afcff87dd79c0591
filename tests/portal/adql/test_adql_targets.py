"""Queries for many targets parse, keep every digit of ids and positions, and are bounded."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.adql.parse import parse_adql
from portal.adql.reserved import identifier
from portal.adql.targets import (
    MOST_CONES,
    MOST_IDS,
    Source,
    Targets,
    cones,
    in_list,
    join_by_id,
    join_by_position,
    polygon,
    regions,
)
from portal.errors import LimitError, QueryError

OBJECT = Source("dp1.Object", "coord_ra", "coord_dec", ("objectId", "coord_ra", "coord_dec"))
MINE = Targets("mine", "RA", "dec", ("objectId", "RA", "dec", "my note", "size"))
IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]


def test_joins_ask_for_columns_of_both_tables_under_different_names() -> None:
    by_place = join_by_position(OBJECT, MINE, 1 / 3600)
    assert "CIRCLE('ICRS', o.coord_ra, o.coord_dec, 0.000277778)) = 1" in by_place
    assert "u.objectId AS objectId_u" in by_place and 'u."my note"' in by_place and 'u."size"' in by_place
    names = [item.alias_or_name.lower() for item in parse_adql(by_place).selects]
    assert len(set(names)) == len(names) == 9
    by_id = join_by_id(OBJECT, MINE, "objectId", "objectId")
    assert by_id.endswith("JOIN TAP_UPLOAD.mine AS u ON o.objectId = u.objectId")
    parse_adql(by_id)


def test_ids_keep_their_digits_and_their_type() -> None:
    text = in_list(OBJECT, "objectId", [*IDS, None, IDS[0]])
    assert [int(n) for n in re.findall(r"\d{10,}", text)] == IDS
    parse_adql(text)
    assert "IN (\n    'K''17', 'b')" in in_list(OBJECT, "name", ["K'17", "b"])
    parse_adql(in_list(OBJECT, "objectId", list(range(MOST_IDS))))
    assert in_list(OBJECT, "objectId", list(range(1001))).count(" IN (") == 3
    with pytest.raises(LimitError):
        in_list(OBJECT, "objectId", list(range(MOST_IDS + 1)))
    with pytest.raises(QueryError):
        in_list(OBJECT, "objectId", [None])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-720, 720), st.floats(-90, 90)), min_size=1, max_size=5), st.floats(1e-5, 10))
def test_cones_hold_their_positions(places, radius) -> None:
    text = cones(OBJECT, [*places, (None, 1.0), (float("nan"), 0.0), (1.0, 91.0)], radius)
    parse_adql(text)
    found = [[float(n) for n in item] for item in re.findall(r"CIRCLE\('ICRS', (\S+), (\S+), (\S+)\)\)", text)]
    wanted = list(dict.fromkeys((ra % 360.0, dec) for ra, dec in places))
    assert len(found) == len(wanted)
    for (ra, dec, size), (x, y) in zip(found, wanted):
        assert abs(ra - x) < 1e-9 and abs(dec - y) < 1e-9 and abs(size - radius) < 1e-9


def test_regions_and_limits() -> None:
    shapes = ["CIRCLE ICRS 62 -37 0.1", "Polygon 61 -37 62 -37 62 -36", None, "POLYGON ICRS 61,-37,62,-37,62,-36"]
    text = regions(OBJECT, shapes)
    assert text.count("CONTAINS(") == 2 and "\n  OR CONTAINS" in text and "CIRCLE('ICRS', 62.0, -37.0, 0.1)" in text
    parse_adql(text)
    for odd in ("POSITION ICRS 62 -37", "CIRCLE ICRS 62 -97 0.1", "CIRCLE", "x"):
        with pytest.raises(QueryError):
            regions(OBJECT, [odd])
    with pytest.raises(QueryError):
        polygon(OBJECT, [(61, -37), (62, -37)])
    with pytest.raises(LimitError):
        cones(OBJECT, [(n / 10, 0.0) for n in range(MOST_CONES + 1)], 0.1)
    with pytest.raises(QueryError):
        cones(OBJECT, [(None, None)], 0.1)


def test_reserved_and_odd_names_are_quoted() -> None:
    assert [identifier(name) for name in ("ra", "size", "1st", 'a"b', "_x")] == [
        "ra", '"size"', '"1st"', '"a""b"', '"_x"'
    ]  # fmt: skip
