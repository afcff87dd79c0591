"""A sky view served with a fake survey and made-up rows, and what a test asks of it."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Callable, Iterable

import numpy as np
import panel as pn
from PIL import Image
from playwright.sync_api import Page
from tornado.web import RequestHandler

from widgets.sky import Sky

FIELD = (62.0, -37.0)
PROPERTIES = """creator_did = ivo://triview/fake
obs_title = Fake sky
hips_version = 1.4
hips_frame = equatorial
hips_order = 3
hips_tile_width = 64
hips_tile_format = png
dataproduct_type = image
hips_initial_ra = 62.0
hips_initial_dec = -37.0
hips_initial_fov = 1.0
"""


class FakeHips(RequestHandler):
    """A HiPS whose tiles are plain: dark blue for ``one``, dark green for ``two``."""

    def get(self, name: str, path: str) -> None:
        if path == "properties":
            self.finish(PROPERTIES)
            return
        if not path.endswith(".png"):
            self.finish(b"")
            return
        out = io.BytesIO()
        # The overview of order 3: 768 tiles, 27 in a row. Aladin stops for good on one of another shape.
        size = (27 * 64, 29 * 64) if "Allsky" in path else (64, 64)
        Image.new("RGB", size, {"one": (20, 30, 70), "two": (20, 70, 30)}[name]).save(out, "PNG")
        self.set_header("Content-Type", "image/png")
        self.finish(out.getvalue())


def points_handler(table: Callable[[], tuple]) -> type[RequestHandler]:
    class Points(RequestHandler):
        def get(self, what: str) -> None:
            ra, dec, rows, chosen = table()
            if what != "points":
                self.finish("[]")
                return
            text = json.dumps({"n": len(ra), "rows": len(ra), "circle": None, "dense": False, "valued": False})
            text += " " * (-(len(text) + 4) % 8)
            self.finish(
                struct.pack("<I", len(text))
                + text.encode()
                + np.asarray(ra, "<f8").tobytes()
                + np.asarray(dec, "<f8").tobytes()
                + np.asarray(rows, "<u4").tobytes()
                + np.asarray(chosen, "u1").tobytes()
            )

    return Points


def catalog(url: str = "points", version: int = 1, **more: object) -> dict:
    """A catalogue as views/coverage.py tells of it."""
    return {
        "key": "one", "title": "One", "colour": "", "active": True, "shown": True, "url": url, "version": version,
        "rows": 300, "circle": None, "scale": None,
        "paint": {"way": "auto", "colour": "", "size": "", "shape": "circle", "map": "viridis", "low": None,
                  "high": None},
    } | more  # fmt: skip


def scattered(n: int = 300, radius: float = 0.25) -> tuple:
    """Positions about the field; row numbers are not their places in the list."""
    rng = np.random.default_rng(5)
    r, angle = radius * np.sqrt(rng.random(n)), rng.random(n) * 2 * np.pi
    ra = FIELD[0] + r * np.cos(angle) / math.cos(math.radians(FIELD[1]))
    dec = FIELD[1] + r * np.sin(angle)
    rows = np.arange(n)[::-1] * 3 + 4_000_000_000  # above 2^31 as well
    chosen = np.zeros(n, "u1")
    chosen[::10] = 1
    return ra, dec, rows, chosen


class Kit:
    """A served sky view and what a test asks of it."""

    def __init__(self, serve: Callable[..., Page], until: Callable[..., None]) -> None:
        self.serve, self.until = serve, until
        self.table = scattered()
        self.page: Page = None

    def open(self, sky: Sky | pn.viewable.Viewable, wait: bool = True, extra: Iterable = (), **more: object) -> Page:
        routes = [
            *extra,
            (r"/hips/(one|two)/(.*)", FakeHips),
            (r"/points/(.*)", points_handler(lambda: self.table)),
        ]
        self.page = self.serve(sky, routes=routes, **more)
        if wait:
            self.settle()
        return self.page

    def ask(self, script: str, arg: object = None) -> object:
        """Runs ``script`` with ``s`` the stage, ``a`` Aladin, ``sky`` the hooks of the view."""
        return self.page.locator(".sky-view").first.evaluate(
            f"(root, arg) => {{ const sky = root.sky, s = sky.stage, a = s.aladin; return ({script}); }}", arg
        )

    def settle(self) -> None:
        self.page.locator(".sky-view").first.wait_for()
        self.page.wait_for_function(
            """() => { const find = (n) => n.querySelector?.('.sky-view') ?? [...(n.querySelectorAll?.('*') ?? [])]
                 .map((x) => x.shadowRoot && find(x.shadowRoot)).find(Boolean);
               const root = find(document); const s = root?.sky?.stage;
               return s?.view && s.settled && !root.classList.contains('tv-busy')
                      && Math.abs(s.view.fov / s.wanted.fov - 1) < 1e-5; }"""
        )

    def pixel(self, ra: float, dec: float) -> tuple[float, float]:
        """Place on the page of a sky position, by Aladin's own arithmetic."""
        x, y = self.ask("a.world2pix(arg[0], arg[1])", [ra, dec])
        box = self.page.locator(".host").first.bounding_box()
        return box["x"] + x, box["y"] + y


def make(**more: object) -> Sky:
    given = {
        "survey": "hips/one",
        "surveys": [{"name": "One", "url": "hips/one"}, {"name": "Two", "url": "hips/two"}],
        "catalogs": [catalog()],
        "target": (*FIELD, 1.0),
        "width": 800,
        "height": 500,
    }
    return Sky(**given | more)
