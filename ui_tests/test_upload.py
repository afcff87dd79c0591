"""The upload panel alone: a pasted text is sent, looked at, corrected and loaded; queries are written with tables."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

from tornado.web import RequestHandler

from views.intake import IntakeHandler, Intakes
from widgets.upload import UploadPanel

IDS = ["1651281746966117377", "1651281746966117378", "1651281746966117379"]
KIND = {
    "format": "csv", "label": "CSV, comma", "delimiter": ",", "header": True, "encoding": "utf-8",
    "parts": [{"number": 0, "name": "", "rows": -1, "columns": 4}], "notes": ["Line 7 is empty and was left out."],
}  # fmt: skip
COLUMNS = [
    {"name": name, "datatype": kind, "array": False, "unit": unit, "ucd": "", "description": ""}
    for name, kind, unit in (
        ("objectId", "long", ""),
        ("ra", "double", "deg"),
        ("dec", "double", ""),
        ("code", "int", ""),
    )
]
TABLES = [
    {"name": "dp1.Object", "ra": "coord_ra", "dec": "coord_dec", "ids": ["objectId"]},
    {"name": "dp1.Visit", "ra": "", "dec": "", "ids": ["visit"]},
]


def test_a_text_is_corrected_and_loaded(serve, until, shot, tmp_path) -> None:
    intakes, asked = Intakes(tmp_path / "staging", 10_000), []
    url, intake = intakes.open()

    class Preview(RequestHandler):
        def get(self) -> None:
            query = {name: values[0] for name, values in parse_qs(self.request.query).items()}
            asked.append(query)
            if query.get("delimiter") == "|":
                self.finish({"kind": KIND, "problem": ["Line 3 has 4 fields, not 1.", "Choose another delimiter."]})
                return
            rows = [[key, "62.0", "-37.0", "007"] for key in IDS]
            places = {"ra": "ra", "dec": "dec", "unit": "deg", "frame": "icrs", "notes": ["Positions by name."]}
            self.finish(json.dumps({"kind": KIND, "columns": COLUMNS, "rows": rows, "notes": [], "positions": places}))

    class Tables(RequestHandler):
        def get(self) -> None:
            self.finish({"tables": TABLES})

    widget = UploadPanel(intake_url=url, preview_url="preview", tables_url="tables", most_bytes=10_000)
    pool = ThreadPoolExecutor(1)
    routes = [
        (r"/intake/([A-Za-z0-9_-]+)", IntakeHandler, {"intakes": intakes, "pool": pool}),
        (r"/preview", Preview), (r"/tables", Tables),
    ]  # fmt: skip
    page = serve(widget, routes=routes, size=(1024, 700))
    shot(page, "empty")
    text = "objectId,ra,dec,code\n" + "".join(f"{key},62.0,-37.0,007\n" for key in IDS)
    page.get_by_role("button", name="Paste text").click()
    page.get_by_label("Text to upload").fill(text)
    page.get_by_role("button", name="Use this text").click()
    page.get_by_label("Type of code").select_option("char")
    until(page, lambda: asked[-1].get("types") == "code=char")
    staged = intake.get(asked[-1]["file"])
    assert staged.path.read_text() == text and staged.name == "pasted.txt"
    assert page.get_by_label("First rows").locator("td").first.inner_text() == IDS[0]
    page.get_by_label("Keep ra").uncheck()
    page.get_by_label("Unit of dec").fill("deg")
    page.get_by_label("Name of code").fill("note")
    assert page.get_by_label("RA", exact=True).input_value() == "ra"
    shot(page, "file")
    # A wrong choice says so and takes nothing away.
    page.get_by_label("Separated by").select_option("|")
    page.get_by_role("alert").filter(has_text="Line 3 has 4 fields").wait_for()
    assert page.get_by_role("button", name="Open as result").is_disabled()
    page.get_by_label("Separated by").select_option("")
    page.get_by_role("alert").wait_for(state="hidden")
    page.get_by_label("Name in queries").fill("mine")
    page.get_by_role("button", name="Open and use in queries").click()
    until(page, lambda: widget.loaded)
    got = widget.loaded
    assert got.columns == ("objectId", "dec", "code") and got.names == ("objectId", "dec", "note")
    assert got.types == ("", "", "char") and got.units == ("", "deg", "") and got.share == "mine"
    assert (got.ra, got.dec, got.unit, got.frame, got.part, got.found) == ("ra", "dec", "deg", "icrs", 0, "csv")

    results = [{"key": "q", "title": "Query 1", "note": "all 7 rows", "name": "Query_1"}]
    mine = {
        "key": "k",
        "name": "mine",
        "title": "pasted.txt",
        "note": "3 rows",
        "places": ["ra", "dec"],
        "ids": ["objectId"],
    }
    widget.param.update(making="", uploads=[mine], results=results)
    page.get_by_role("tab", name="In queries (1)").click()
    page.get_by_label("Radius in arcsec").fill("2.5")
    page.get_by_role("button", name="Write the query").click()
    until(page, lambda: widget.sought and widget.sought.how == "place")
    assert (widget.sought.table, widget.sought.radius, widget.sought.inside) == ("dp1.Object", 2.5, False)
    page.get_by_label("How to search").select_option("id")
    page.get_by_label("Table of the archive").select_option("dp1.Visit")
    page.get_by_label("Table of the archive").select_option("dp1.Object")
    page.get_by_role("button", name="Write the query").click()
    until(page, lambda: widget.sought.how == "id")
    assert (widget.sought.column, widget.sought.target) == ("objectId", "objectId")
    shot(page, "queries")
    page.get_by_label("Name for the rows of this result").fill("seven")
    page.get_by_role("button", name="Use in queries", exact=True).click()
    until(page, lambda: widget.shared and widget.shared[1:] == ("q", "seven"))
    page.get_by_role("button", name="Remove TAP_UPLOAD.mine").click()
    until(page, lambda: widget.removed and widget.removed.key == "k")

    # Too large is said before anything is sent; the file that is here stays.
    page.get_by_role("tab", name="A file").click()
    page.get_by_role("button", name="Paste text").click()
    page.get_by_label("Text to upload").fill("x" * 20_000)
    page.get_by_role("button", name="Use this text").click()
    page.get_by_role("alert").filter(has_text="is larger than").wait_for()
    assert page.get_by_label("Type of code").is_visible() and intake.get(staged.key) == staged
    intakes.close(url)
    pool.shutdown()
    assert not list((tmp_path / "staging").iterdir())
