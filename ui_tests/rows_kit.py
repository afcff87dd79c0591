"""A page with the sky over one result of any number of rows: no archive, no queries, a survey of plain tiles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import panel as pn
import pyarrow as pa
import pytest
from playwright.sync_api import Page

from portal.config import Settings
from portal.jobs.history import History
from portal.jobs.runner import Runner
from portal.session import Session
from portal.table.columns import Column, TableMeta
from ui_tests.sky_kit import FakeHips
from views.coverage import Coverage
from views.feeds import FeedHandler, Feeds

FIRST_ID = 1651281746966117377
CENTRE = (0.0, -37.0)  # right ascension passes 360 in the middle
COLUMNS = (
    Column("objectId", "long", ucd="meta.id;meta.main"),
    Column("coord_ra", unit="deg", ucd="pos.eq.ra"),
    Column("coord_dec", unit="deg", ucd="pos.eq.dec"),
    Column("mag", "float", unit="mag"),
    Column("band", "char"),
)


class Rows:
    """``n`` made-up rows: five clusters and a wide field, about ``spread`` degrees across."""

    def __init__(self, n: int, spread: float = 1.0, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        kind = rng.integers(0, 8, n)
        x0 = np.array([0.3, -0.5, 0.1, -0.2, 0.55, 0, 0, 0])[kind] * spread
        y0 = np.array([0.2, 0.35, -0.4, -0.1, -0.3, 0, 0, 0])[kind] * spread
        width = np.where(kind < 5, 0.05, 0.35) * spread
        x, y = x0 + width * rng.normal(size=n), y0 + width * rng.normal(size=n)
        self.ra = (CENTRE[0] + x / np.cos(np.radians(CENTRE[1] + y))) % 360
        self.dec = CENTRE[1] + y
        self.mag = (20 + 2 * x / spread + rng.normal(0, 0.4, n)).astype(np.float32)
        self.band = kind % 6

    def batches(self, _: object) -> tuple[TableMeta, list[pa.RecordBatch]]:
        meta = TableMeta(COLUMNS)
        bands = pa.DictionaryArray.from_arrays(pa.array(self.band.astype("i1")), list("ugrizy")).cast(pa.string())
        ids = FIRST_ID + np.arange(len(self.ra))
        arrays = [pa.array(item) for item in (ids, self.ra, self.dec, self.mag)]
        return meta, pa.table([*arrays, bands], schema=meta.to_schema()).to_batches(131_072)


class Desk:
    """A page with the sky of one session over rows, an open result each."""

    def __init__(self, folder: Path, *results: Rows) -> None:
        self.history = History(folder)
        self.runner = Runner(Settings(data=folder), self.history)
        self.session = Session(self.runner)
        self.feeds = Feeds(4)
        for place, rows in enumerate(results):
            job = self.session.make("upload", f"Rows {place + 1}", rows.batches)
            while not job.ended:
                time.sleep(0.01)

    def page(self) -> pn.viewable.Viewable:
        self.session.post = pn.state.curdoc.add_next_tick_callback
        self.coverage = Coverage(self.session, self.feeds)
        survey = {"surveys": [{"name": "One", "url": "hips/one"}], "survey": "hips/one"}
        self.coverage.sky.param.update(width=1000, height=640, sizing_mode="fixed", **survey)
        return self.coverage.sky

    def routes(self) -> list[tuple]:
        return [
            (r"/hips/(one|two)/(.*)", FakeHips),
            (r"/feed/([A-Za-z0-9_-]{16,64})(?:/([\w./-]{1,200}))?", FeedHandler, {"feeds": self.feeds}),
        ]

    def close(self) -> None:
        self.session.end()
        self.runner.close()
        self.history.close()
        self.feeds.close()


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator:
    """``desk_of(rows, ...)``: a Desk that is closed at the end."""
    made: list[Desk] = []

    def make(*results: Rows) -> Desk:
        made.append(Desk(tmp_path, *results))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


def ask(page: Page, script: str, arg: object = None) -> object:
    """Runs ``script`` with ``s`` the stage, ``c`` the active catalogue, ``sky`` the hooks of the view."""
    return page.locator(".sky-view").evaluate(
        f"(root, arg) => {{ const sky = root.sky, s = sky.stage, c = s.layer.active; return ({script}); }}", arg
    )
