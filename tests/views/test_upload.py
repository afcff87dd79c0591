"""The upload panel's view without a browser: a file to a result, to a table of queries, to a query; the rows shown."""

from __future__ import annotations

import io
import json
import threading
import time

import numpy as np
import pytest
from astropy.io import fits

from portal.session import Session
from portal.table.arrangement import Arrangement
from portal.vo.capabilities import Capabilities, UploadLimits
from portal.vo.images import ImageFiles
from portal.vo.quota import Quota
from tests.portal.jobs.conftest import finished, post, runner, script, settings, tap  # noqa: F401
from views.feeds import Feeds
from views.intake import Intakes
from views.upload import Upload

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
TEXT = "objectId,ra,dec,code\n" + "".join(f"{key},{62 + n / 10},-37.{n},00{n}\n" for n, key in enumerate(IDS))
PLACES = ("coord_ra", "pos.eq.ra;meta.main"), ("coord_dec", "pos.eq.dec;meta.main")
COLUMNS = [
    {"name": name, "datatype": kind, "unit": "", "ucd": ucd, "description": "", "principal": True}
    for name, kind, ucd in (("objectId", "long", "meta.id;src"), *((n, "double", u) for n, u in PLACES))
]


class Book:
    """One table."""

    def read(self, service) -> dict:
        return {"schemas": [{"name": "dp1", "tables": [{"name": "dp1.Object", "columns": COLUMNS}]}]}


@pytest.fixture
def panel(runner, post, tmp_path):  # noqa: F811
    runner.sender._known[runner.settings.service_url] = Capabilities(UploadLimits(True, 1000))
    session, feeds = Session(runner, post=post), Feeds(1)
    made = Upload(session, feeds, Intakes(tmp_path / "staging", 10_000), Book())
    yield made
    made.end()
    assert not list((tmp_path / "staging").iterdir())
    session.end()
    feeds.close()


def stage(panel: Upload, text: str, name: str = "my list.csv") -> str:
    path = panel._intake.room(len(text))
    path.write_text(text)
    return panel._intake.keep(name, path).key


def loaded(file: str, share: str = "", **more) -> dict:
    fields = {"file": file, "title": "", "found": "csv", "part": -1, "ra": "ra", "dec": "dec", "unit": "deg"}
    fields |= dict.fromkeys(("format", "delimiter", "header", "encoding"), "")
    names = ("objectId", "ra", "dec", "code")
    fields |= {"columns": names, "names": names, "types": ("", "", "", "char"), "units": ("",) * 4}
    return fields | {"descriptions": ("",) * 4, "frame": "icrs", "share": share} | more


def until(post, holds) -> None:  # noqa: F811
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        post.turn()
        time.sleep(0.01)


def test_a_file_becomes_a_result_a_table_of_queries_and_a_query(panel, post, runner) -> None:  # noqa: F811
    session, widget = panel.session, panel.widget
    until(post, lambda: "0 MiB" in widget.service)
    session.open_panel("upload")
    widget.received("loaded", loaded(stage(panel, TEXT), "mine"))
    until(post, lambda: session.uploads)
    assert session.panel and not widget.making and session.tabs[0].title == "my list.csv"
    table = session.table()
    assert table.take([0, 1, 2], ["objectId"]).column(0).to_pylist() == IDS
    assert table.take([1], ["code"]).column(0).to_pylist() == ["001"] and table.positions() == ("ra", "dec")
    assert widget.uploads[0]["name"] == "mine" and widget.results[0]["name"] == "my_list"

    # The rows and columns shown, of any result.
    session.look = session.look.with_filter("ra", "> 62.05").with_sort("ra", False).with_sort("ra", False)
    session.look = session.look._replace(columns=Arrangement(hidden=("code",)))
    assert widget.results[0]["note"] == "the rows shown"
    widget.received("shared", {"key": session.active, "name": "two"})
    until(post, lambda: len(session.uploads) == 2)
    two = session.uploads[1]
    assert two.rows == 2 and [field.name for field in two.fields] == ["objectId", "ra", "dec"]

    sought = {"key": two.key, "table": "dp1.Object", "how": "id", "radius": 1.0, "column": "objectId"}
    widget.received("sought", {**sought, "target": "objectId", "inside": True})
    until(post, lambda: "IN (" in session.query)
    assert f"{IDS[2]}, {IDS[1]})" in session.query and str(IDS[0]) not in session.query and not session.panel
    widget.inline = False
    widget.received("sought", {**sought, "how": "place", "target": "", "inside": False})
    until(post, lambda: session.query.count("CIRCLE(") == 2)

    widget.received("renamed", {"key": two.key, "name": "mine"})
    until(post, lambda: widget.problem)
    assert "TAP_UPLOAD.mine already" in widget.problem[0]
    widget.received("removed", {"key": two.key})
    until(post, lambda: len(session.uploads) == 1)


def test_what_does_not_fit_is_said_and_the_file_stays(panel, post) -> None:  # noqa: F811
    session, widget = panel.session, panel.widget
    file = stage(panel, TEXT.replace(",001", ",x1"))
    widget.received("loaded", loaded(file, "1st"))
    assert "cannot be called" in widget.problem[0] and not session.jobs
    widget.received("loaded", loaded(file, "mine", types=("", "", "", "int")))
    until(post, lambda: widget.problem and not widget.making)
    assert "x1" in " ".join(map(str, widget.problem)) and session.jobs[0].phase == "ERROR" and not session.uploads
    assert panel._intake.get(file).path.read_text().count("x1") == 1
    widget.received("loaded", loaded("gone"))
    assert "no longer here" in widget.problem[0]
    widget.received("fetched", {"url": "http://169.254.169.254/latest"})
    until(post, lambda: widget.problem and not widget.fetching)
    assert "private network" in widget.problem[0]


def test_a_fits_file_is_offered_as_an_image_and_opened(panel, post, tmp_path) -> None:  # noqa: F811
    out = io.BytesIO()
    fits.PrimaryHDU(np.zeros((4, 4), "f4")).writeto(out)
    path = panel._intake.room(0)
    path.write_bytes(out.getvalue())
    key = panel._intake.keep("sky.fits", path).key
    (answer,) = panel._previews.answer({"file": key})
    assert json.loads(answer)["image"] and "no table" in json.loads(answer)["problem"][0]
    (answer,) = panel._previews.answer({"file": stage(panel, TEXT)})
    assert not json.loads(answer)["image"]
    panel.images = ImageFiles(None, Quota(0), tmp_path / "images", 1 << 20, 1 << 20)
    panel.session.open_panel("upload")
    panel.widget._handle_msg({"gesture": "imaged", "key": key})
    until(post, lambda: panel.session.images)
    (ref,) = panel.session.images
    assert ref.title == "sky.fits" and panel.session.panel == () and panel.session.face == "image"
    with panel.images.file(ref, threading.Event(), print) as found:
        assert found.read_bytes() == out.getvalue()
    panel.images.close()
