"""The panel that joins two results, alone."""

from __future__ import annotations

import numpy as np

from portal.table.joining import KEEPS
from portal.table.match import MODES
from widgets.combine import CombinePanel

RESULTS = [
    {
        "key": "a",
        "title": "Objects <b>near</b> M42",
        "colour": "#0077bb",
        "rows": "3,120 of 4,000 rows",
        "positions": "coord_ra, coord_dec",
        "keys": [{"name": "tract", "text": False}, {"name": "objectId", "text": False}],
    },
    {
        "key": "b",
        "title": "my list",
        "colour": "#ee7733",
        "rows": "40 rows",
        "positions": "",
        "keys": [{"name": "name", "text": True}, {"name": "objectId", "text": False}],
    },
]


def test_a_join_is_asked_estimated_and_made(serve, until, shot, theme: str) -> None:
    panel = CombinePanel(modes=MODES, keeps=KEEPS, estimate={}, results=RESULTS[:1], active="a", width=360, height=640)
    page = serve(panel, theme=theme)
    page.get_by_text("Two results are needed").wait_for()
    panel.results = RESULTS
    page.get_by_text("no positions").wait_for()
    assert page.get_by_label("First result").input_value() == "a"
    assert page.get_by_label("Second result").input_value() == "b"
    page.get_by_label("Radius in arcseconds").fill("1.5")
    page.get_by_role("button", name="What would match?").click()
    until(page, lambda: panel.estimated and panel.estimated.radius == "1.5" and panel.estimated.mode == "mutual")
    edges = np.linspace(0, 1.5, 31)
    panel.estimate = {
        "edges": edges.tolist(),
        "found": (900 * np.exp(-edges[1:] * 6)).round().tolist(),
        "by_chance": (edges[1:] * 20).tolist(),
        "words": "3,120 pairs; 37 ± 6 of them (1.2 %) by chance.",
        "how": 'The same match with the first sky moved by 30" to four sides.',
    }
    page.get_by_text("37 ± 6 of them").wait_for()
    page.get_by_role("img", name="Histogram of separations").wait_for()
    shot(page, f"position-{theme}")
    # One of the two is closed: what was found of them does not stand below another pair.
    panel.results = [RESULTS[1], {**RESULTS[0], "key": "c"}]
    page.get_by_text("37 ± 6 of them").wait_for(state="detached")
    panel.results = RESULTS
    # By a column: the id that both have is proposed.
    page.get_by_role("button", name="By a column of each").click()
    assert page.get_by_label("Column of the first").input_value() == "objectId"
    page.get_by_label("Rows kept").select_option("first")
    page.get_by_role("button", name="Join").click()
    until(page, lambda: panel.made and panel.made.left_key == panel.made.right_key == "objectId")
    assert panel.made[1:] == ("b", "a", "1.5", "mutual", "objectId", "objectId", "first")
    panel.problem = "There is no such thing."
    page.get_by_role("alert").get_by_text("no such thing").wait_for()
    shot(page, f"key-{theme}")
