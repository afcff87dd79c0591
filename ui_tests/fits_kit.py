"""A FITS viewer served with frames as the portal holds them, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.wcs import Sip
from playwright.sync_api import Page, expect
from tornado.web import RequestHandler

from portal.errors import TriviewError
from portal.image import Frame, Frames, Lsst
from portal.image.answers import answer
from portal.image.frame import Planes
from portal.image.masks import MaskBit
from widgets.fits import Fits

CENTRE = (62.0, -37.0)
BITS = (MaskBit("BAD", 0), MaskBit("SAT", 1), MaskBit("DETECTED", 5))


def sip_wcs(nx: int, ny: int, turn: float = 0.0, scale: float = 0.2, bend: float = 2e-6, flip: bool = False) -> WCS:
    """TAN-SIP about ``CENTRE``: ``turn`` degrees, ``scale`` arcsec a pixel, ``bend`` the quadratic distortion."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crval = CENTRE
    wcs.wcs.crpix = [nx / 2 + 3.3, ny / 2 - 5.1]
    a = np.radians(turn)
    east = scale if flip else -scale
    wcs.wcs.cd = np.array([[east * np.cos(a), east * np.sin(a)], [-scale * np.sin(a), scale * np.cos(a)]]) / 3600
    one, two = np.zeros((3, 3)), np.zeros((3, 3))
    one[2, 0], one[1, 1], two[0, 2], two[1, 1] = bend, -bend / 2, bend, bend / 3
    wcs.sip = Sip(one, two, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


def sky_scene(wcs: WCS, nx: int, ny: int, seed: int, flux: float = 1.0, stars: int = 60) -> np.ndarray:
    """Noise and round stars of about 4 pixels at places of the sky that are the same for every image."""
    rng = np.random.default_rng(1)
    east, north = rng.uniform(-60, 60, (2, stars)) / 3600
    bright = 10 ** rng.uniform(1.5, 4, stars) * flux
    x, y = wcs.all_world2pix(CENTRE[0] + east / np.cos(np.radians(CENTRE[1])), CENTRE[1] + north, 0)
    image = np.random.default_rng(seed).normal(0, 4, (ny, nx))
    for px, py, peak in zip(x, y, bright):
        i, j = round(px), round(py)
        if not (8 <= i < nx - 8 and 8 <= j < ny - 8):
            continue
        yy, xx = np.mgrid[j - 8 : j + 9, i - 8 : i + 9]
        image[j - 8 : j + 9, i - 8 : i + 9] += peak * np.exp(-((xx - px) ** 2 + (yy - py) ** 2) / 8)
    return image.astype("f4")


def band_frame(band: str, nx: int = 400, ny: int = 360, **more: float) -> Frame:
    """One of the images of a field, in the band's own orientation."""
    seed = ord(band)
    wcs = sip_wcs(nx, ny, **{"turn": {"u": 0, "g": 4, "r": -3, "i": 8, "z": 90, "y": 180}[band], **more})
    pixels = sky_scene(wcs, nx, ny, seed, {"u": 0.3, "g": 0.6, "r": 1, "i": 1.4, "z": 1.6, "y": 1.5}[band])
    mask = np.zeros((ny, nx), "i4")
    mask[pixels > 500] |= 1 << 1
    mask[pixels > 30] |= 1 << 5
    mask[:, 40] |= 1
    return Frame(f"{band} coadd", Planes(pixels, mask, pixels * 0 + 16, BITS, "nJy", band, Lsst(4000, 8000), wcs))


class Kit:
    """A served viewer and what a test asks of it."""

    def __init__(self, serve: Callable[..., Page]) -> None:
        self.serve = serve
        self.frames = Frames()
        self.page: Page = None
        self.extra: list[tuple] = []  # routes of a test's own

    def add(self, *frames: Frame) -> list[dict[str, str]]:
        """What the widget's ``frames`` is told of these."""
        return [{"id": self.frames.add(one), "title": one.title, "band": one.band, "state": "ready"} for one in frames]

    @property
    def routes(self) -> list[tuple]:
        frames = self.frames

        class Answers(RequestHandler):
            def post(self) -> None:
                self.get(self.request.body.decode())

            def get(self, body: str = "") -> None:
                arguments = {name: self.get_query_argument(name) for name in self.request.query_arguments}
                arguments["body"] = body
                try:
                    body, kind = answer(frames, arguments)
                except TriviewError as error:
                    self.set_status(400)
                    body, kind = {"message": error.message, "hint": error.hint}, "application/json"
                self.set_header("Content-Type", kind)
                self.finish(body)

        return [(r"/images", Answers), *self.extra]

    def open(self, widget: Fits, wait: bool = True, **more: object) -> Page:
        self.page = self.serve(widget, routes=self.routes, **more)
        if wait:
            self.settle()
        return self.page

    def ask(self, script: str, arg: object = None) -> object:
        """Runs ``script`` with ``v`` the hooks of the viewer (scene, images, painter ...) and ``arg``."""
        return self.page.locator(".fits-view").first.evaluate(
            f"(root, arg) => {{ const v = root.fits; {script} }}", arg
        )

    def settle(self) -> None:
        """Until every image is drawn with all its tiles."""
        script = """const { scene, tiles, images } = v;
            scene.draw();
            return !tiles.waiting && !v.painter.waiting
              && images.list.every((one) => one.ready || one.problem || one.state !== 'ready')
              && tiles.wanted.every((one) => tiles.has(one.key));"""
        expect(self.page.locator(".fits-view").first).to_be_visible()
        while not self.ask(f"if (!v) return false; {script}"):
            self.page.wait_for_timeout(20)

    def drawn(self) -> None:
        """Until what was changed is on the screen."""
        self.ask("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def painted(self, places: list[tuple[float, float]], cell: int = 0) -> list[list[int]]:
        """RGB (0 to 255) on the screen at pixels of the image that leads the views."""
        return self.ask(
            """v.draw();
               const { left, top, width, height, image } = v.scene.cells[arg.cell];
               const view = v.scene.viewOf(image);
               const { width: wide, height: high } = v.painter.canvas;
               const all = v.painter.read(0, 0, wide, high);
               const ratio = window.devicePixelRatio || 1;
               return arg.places.map(([x, y]) => {
                 const at = view.screen(x, y, [width, height]);
                 const [px, py] = [left + at[0], top + at[1]].map((side) => Math.floor(side * ratio));
                 return [...all.subarray(4 * ((high - 1 - py) * wide + px)).subarray(0, 3)];
               });""",
            {"places": [list(place) for place in places], "cell": cell},
        )

    def hover(self, x: float, y: float, cell: int = 0) -> None:
        """Puts the pointer on a place of the image."""
        px, py = self.ask(
            """const cell = v.scene.cells[arg[2]]; const [px, py] = cell.screen(arg[0], arg[1]);
               return [cell.left + px, cell.top + py];""",
            [x, y, cell],
        )
        box = self.page.locator(".fits-view .host").bounding_box()
        self.page.mouse.move(box["x"] + px, box["y"] + py)
