"""The FITS viewer against a Bokeh image of the same 4096 x 4096 pixels, in one page: a new stretch, a step aside.

``run()`` gives milliseconds (medians) from the change to the end of the second frame after it, and their ratios. The
two take turns, so that a busy machine slows both alike; there is no graphics card, the processor draws.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure
from playwright.sync_api import sync_playwright
from tornado.web import RequestHandler

from portal.image import Frame, Frames
from portal.image.answers import answer
from portal.image.frame import Planes
from tests.bench.bench_grid import served
from ui_tests.conftest import FLAGS
from widgets.fits import Fits

SIDE = 4096
TURNS = 8

FIND = """const find = (root) => { for (const node of root.querySelectorAll("*")) {
    if (node.fits) return node.fits;
    const inside = node.shadowRoot && find(node.shadowRoot);
    if (inside) return inside;
  } return null; };"""

# `change()`, and two frames later all that was to be drawn is drawn: by either, and by the process that does graphics.
FRAME = f"""{FIND}
  const v = find(document);
  const sheets = (root) => [...root.querySelectorAll("*")].flatMap((node) =>
    [...(node.localName === "canvas" && !node.closest(".fits-view") ? [node] : []),
     ...(node.shadowRoot ? sheets(node.shadowRoot) : [])]);
  const frame = (change) => new Promise((resolve) => {{
    const start = performance.now();
    change();
    requestAnimationFrame(() => requestAnimationFrame(() => {{
      sheets(document).forEach((one) => one.getContext("2d")?.getImageData(300, 300, 1, 1));
      v.painter.read(10, 10);
      resolve(performance.now() - start);
    }}));
  }});"""

OURS = f"""([what, turn]) => {{ {FRAME}
  return frame(what === "stretch" ? () => v.acts.set({{ limits: [-10, 40 + turn] }})
    : () => v.acts.drag(turn % 2 ? 60 : -60, 25, v.scene.cells[0])); }}"""

THEIRS = f"""([what, turn]) => {{ {FRAME}
  const models = [...Bokeh.documents[0]._all_models.values()];
  const named = (name) => models.find((one) => one.name === name);
  return frame(() => {{
    if (what === "stretch") named("levels").high = 40 + turn;
    else {{ const range = named("plot").x_range, by = turn % 2 ? 300 : -300;
      range.setv({{ start: range.start + by, end: range.end + by }}); }}
  }}); }}"""

READY = f"""() => {{ {FIND} const v = find(document);
  return Boolean(v && v.scene.parts?.length && !v.tiles.waiting)
    && v.tiles.wanted.every((one) => v.tiles.has(one.key)); }}"""


def picture() -> np.ndarray:
    """Noise with some ten thousand bright pixels, float32."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 4, (SIDE, SIDE)).astype("f4")
    pixels.ravel()[rng.integers(0, SIDE**2, 20_000)] += 200
    return pixels


def bokeh_image(pixels: np.ndarray) -> pn.pane.Bokeh:
    plot = figure(width=600, height=560, x_range=(0, SIDE), y_range=(0, SIDE), name="plot")
    levels = LinearColorMapper(palette="Greys256", low=-10, high=40, name="levels")
    source = ColumnDataSource({"image": [pixels], "x": [0], "y": [0], "dw": [SIDE], "dh": [SIDE]})
    plot.image(image="image", x="x", y="y", dw="dw", dh="dh", source=source, color_mapper=levels)
    return pn.pane.Bokeh(plot)


def run() -> dict[str, float]:
    """The figures; needs a few hundred MB of memory."""
    pixels = picture()
    frames = Frames()
    id = frames.add(Frame("field", Planes(pixels)))

    class Answers(RequestHandler):
        def get(self) -> None:
            asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
            self.finish(answer(frames, asked)[0])

    def page() -> pn.Row:
        told = [{"id": id, "title": "field", "state": "ready"}]
        viewer = Fits(url="images", frames=told, width=600, height=640, stretch="linear", limits=[-10, 40])
        return pn.Row(viewer, bokeh_image(pixels))

    own = Path("/usr/bin/chromium")
    times: dict[tuple[str, str], list[float]] = {}
    with sync_playwright() as playwright, served({"/": page}, [(r"/images", Answers)]) as address:
        browser = playwright.chromium.launch(executable_path=str(own) if own.exists() else None, args=FLAGS)
        sheet = browser.new_page(viewport={"width": 1300, "height": 720})
        sheet.goto(address)
        sheet.wait_for_function(READY, timeout=120_000)
        sheet.wait_for_function("Bokeh.documents[0].is_idle", timeout=120_000)
        for turn in range(TURNS + 1):
            for what in ("stretch", "pan"):
                for whose, script in (("ours", OURS), ("Bokeh", THEIRS)):
                    sheet.wait_for_timeout(200)  # until the other one's pictures are done with
                    taken = sheet.evaluate(script, [what, turn])
                    if turn:  # the first of each warms up
                        times.setdefault((what, whose), []).append(taken)
        browser.close()
    middle = {key: statistics.median(found) for key, found in times.items()}
    figures = {f"{what} of {SIDE}²: {whose}": found for (what, whose), found in middle.items()}
    for what in ("stretch", "pan"):
        figures[f"ratio of a {what}"] = middle[what, "ours"] / middle[what, "Bokeh"]
    return figures
