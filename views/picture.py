"""The sky as a picture that the server draws, for browsers that offer no WebGL2."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from bokeh import palettes

from portal.errors import QueryError, ServiceError, TriviewError
from portal.session import Session
from portal.sky.compose import RGB, Loops, Rows, draw_loops, draw_rows, draw_sky, png_of, rgb_of
from portal.sky.layer import Layer
from portal.sky.sight import Sight
from portal.vo.hips import parse_list
from portal.vo.hipstiles import Relay
from widgets.sky import Sky

from .base import View
from .coverage import class_colours
from .feeds import Answer, Feeds

CHOSEN = (255, 159, 46)  # of marked rows, as in the theme
LEAST_LIGHT = 0.55  # of a colour that is to be seen on a dark sky, as in static/parts/colour.js
PALETTES = {
    "viridis": palettes.Viridis256, "cividis": palettes.Cividis256, "plasma": palettes.Plasma256,
    "inferno": palettes.Inferno256, "magma": palettes.Magma256, "grey": palettes.Greys256,
    "coolwarm": palettes.diverging_palette(palettes.Blues256, palettes.Reds256, 256),
}  # fmt: skip


class Picture(View):
    """Pictures of the sky on demand.

    ``layers`` tells the results on it with their CSS colours, the active one last, ``loops`` the footprints; both are
    called in threads.
    """

    def __init__(
        self,
        session: Session,
        feeds: Feeds,
        sky: Sky,
        relay: Relay,
        pool: Executor,
        layers: Callable[[], list[tuple[Layer, str]]],
        loops: Callable[[], Loops | None],
    ) -> None:
        super().__init__(session, feeds)
        self.relay, self.pool, self._layers, self._loops = relay, pool, layers, loops
        sky.picture = self.feed(self._draw)

    def _draw(self, asked: dict[str, str]) -> Answer:
        """``ra``, ``dec``, ``fov`` (degrees), ``w``, ``h`` (pixels), ``kind`` (TAN, AIT), ``survey``: a PNG."""
        try:
            ra, dec, fov = (float(asked[name]) for name in ("ra", "dec", "fov"))
            width, height = int(asked["w"]), int(asked["h"])
        except (KeyError, ValueError):
            raise QueryError("A picture of the sky is asked for with ra, dec, fov, w and h.") from None
        sight = Sight.checked(ra, dec, fov, width, height, asked.get("kind", "TAN"))
        picture = draw_sky(sight, self._properties(asked.get("survey", "")), self._fetch(asked["survey"]), self.pool)
        loops = self._loops()
        if loops is not None:
            picture = draw_loops(picture, sight, loops)
        for layer, colour in self._layers():
            draw_rows(picture, sight, _rows(layer, colour, sight), CHOSEN)
        return Answer(png_of(picture), "image/png")

    def _properties(self, survey: str) -> dict[str, str]:
        if not survey:
            raise ServiceError("No survey is chosen.", "Choose one above the sky.")
        content = self.relay.file(survey, "properties").content or b""
        found = parse_list(content.decode("utf-8", "replace"))
        if not found:
            raise ServiceError("The survey has no properties file.", "Choose another one.")
        return found[0]

    def _fetch(self, survey: str) -> Callable[[str], bytes | None]:
        def fetch(path: str) -> bytes | None:
            try:
                return self.relay.file(survey, path).content
            except TriviewError:
                return None  # one tile that cannot be had stays dark, as in the browser

        return fetch


def _rows(layer: Layer, colour: str, sight: Sight) -> Rows:
    """The rows of a layer that may lie in the picture, in their colours."""
    index = layer.index
    places: np.ndarray | slice = slice(None)
    if sight.radius < 90:
        places = index.within(sight.ra, sight.dec, sight.radius * 1.01, len(index))
    own = None
    if layer.values is not None and layer.scale is not None:
        own = _colours_of(layer)[places]
    marked = None if layer.marked is None else layer.marked[places]
    return Rows(index.ra[places], index.dec[places], _rgb(colour), marked, own)


def _colours_of(layer: Layer) -> np.ndarray:
    """A colour for each row of a layer with a scale, uint8 (n, 3); grey without a value."""
    scale, values = layer.scale, layer.values
    if scale.classes:
        table = np.array([_rgb(colour) for _, colour in class_colours(scale.classes)], np.uint8)
        colours, good = table[np.clip(values, 0, len(table) - 1)], values >= 0
    else:
        table = np.array([rgb_of(text) for text in PALETTES[layer.asked.paint.map]], np.uint8)
        part = np.nan_to_num((values - scale.low) / (scale.high - scale.low), nan=0.0)
        colours, good = table[np.clip(part * 255, 0, 255).astype(np.intp)], np.isfinite(values)
    return np.where(good[:, None], colours, np.uint8(128))


def _rgb(colour: str) -> RGB:
    """A colour "#rrggbb" mixed with white as far as it needs to be seen on a dark sky."""
    red, green, blue = (part / 255 for part in rgb_of(colour))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    white = (LEAST_LIGHT - light) / (1 - light) if light < LEAST_LIGHT else 0.0
    return tuple(round(255 * (part + (1 - part) * white)) for part in (red, green, blue))
