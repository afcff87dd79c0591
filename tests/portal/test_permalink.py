"""Links that open the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import QueryError
from portal.permalink import angle, read_link

HOME = "http://127.0.0.1:5006/api/tap"


def test_links_of_rubin_documents() -> None:
    link = read_link({"api": "tap", "adql": "SELECT 1", "execute": "true"}, HOME)
    assert link.adql == "SELECT 1" and link.execute
    cone = read_link(
        {"api": "tap", "schema": "dp1", "table": "dp1.Object", "ra": "62", "dec": "-37", "sr": "3m", "execute": "true"},
        HOME,
    )
    assert "CIRCLE('ICRS', 62.0, -37.0, 0.05)" in cone.adql and cone.execute
    hips = read_link({"api": "hips", "uri": "https://x/hips", "ra": "53.1", "dec": "-28.1", "sr": "2d"}, HOME)
    assert (hips.survey, hips.ra, hips.dec, hips.fov) == ("https://x/hips", 53.1, -28.1, 2.0)


def test_a_link_for_another_service_is_shown_and_not_run() -> None:
    link = read_link({"api": "tap", "service": "https://other/api/tap", "adql": "SELECT 1", "execute": "true"}, HOME)
    assert link.adql and not link.execute


@pytest.mark.parametrize("more", [{"ra": "400"}, {"dec": "x"}, {"sr": "wide"}, {"table": "a; DROP TABLE b"}])
def test_unfit_links_say_so(more) -> None:
    link = read_link({"api": "tap", "table": "dp1.Object", "ra": "1", "dec": "1"} | more, HOME)
    assert link.problem and not link.execute


def test_angles() -> None:
    assert angle("0.05d") == 0.05 and angle("3m") == 0.05 and angle('3600"') == 1.0
    with pytest.raises(QueryError):
        angle("far")


@given(st.dictionaries(st.sampled_from(["api", "adql", "ra", "dec", "sr", "table", "uri", "execute"]), st.text()))
def test_no_link_raises(arguments) -> None:
    read_link(arguments, HOME)
