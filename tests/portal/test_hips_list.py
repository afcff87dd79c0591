"""The list of sky surveys: what a server says of each, and where a view of it begins."""

from __future__ import annotations

import pytest

from portal.vo.hips import parse_list, start_of

LIST = """# two surveys
creator_did = ivo://one
hips_service_url = http://one/
hips_initial_ra = -298.0
hips_initial_dec = -37
hips_initial_fov = 1.2

creator_did = ivo://two
hips_service_url = http://two/?a=b
"""


def test_records_are_parted_by_empty_lines():
    one, two = parse_list(LIST)
    assert one["hips_initial_dec"] == "-37" and two["hips_service_url"] == "http://two/?a=b"


def test_a_survey_says_where_to_begin():
    one, two = map(start_of, parse_list(LIST))
    assert one == pytest.approx((62.0, -37.0, 1.2)) and two is None


@pytest.mark.parametrize("wrong", [{"ra": "nan"}, {"dec": "-91"}, {"fov": "0"}, {"fov": "wide"}])
def test_a_start_that_is_no_place_counts_for_nothing(wrong):
    record = {"ra": "62", "dec": "-37", "fov": "1"} | wrong
    assert start_of({f"hips_initial_{name}": value for name, value in record.items()}) is None
