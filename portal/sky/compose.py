"""A view of the sky drawn by the server: survey, rows and outlines as one picture, for browsers without WebGL2.

Gathers the pixels of HiPS tiles (HiPS 1.0) by HEALPix; knows positions and arrays, no tables, pages or services.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from io import BytesIO
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy_healpix import core
from PIL import Image, ImageDraw

from portal.errors import FormatError
from portal.sky.sight import Sight
from portal.table.foreign.sphere import from_icrs

Fetch = Callable[[str], bytes | None]
"""The content of a file of the survey by its path, None when there is none."""
RGB = tuple[int, int, int]

GROUND: RGB = (11, 13, 18)
MOST_TILES = 64  # of one picture; a coarser order is drawn when a view needs more
MOST_TILE_PIXELS = 2048 * 2048
FOLDER = 10_000  # tiles of one Dir folder
DEEPEST = 29  # HEALPix order of pixels; finer ones have no number in 64 bits
DOTS = 20_000  # rows in the picture up to which each is a dot; more are shaded by their number
LEAST_STEPS = 24  # straight pieces a great circle across the picture is drawn by


def rgb_of(colour: str) -> RGB:
    """The three parts of a colour written "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Rows(NamedTuple):
    """Rows of one result: ICRS degrees, CSS-like colour, which are marked (None: none) and their own colours or None.

    ``own`` is uint8 (n, 3), a colour for each row.
    """

    ra: np.ndarray
    dec: np.ndarray
    colour: RGB
    marked: np.ndarray | None = None
    own: np.ndarray | None = None


class Loops(NamedTuple):
    """Closed outlines: corners in ICRS degrees, loop ``i`` from ``start[i]`` to ``start[i + 1]``."""

    ra: np.ndarray
    dec: np.ndarray
    start: np.ndarray
    colours: Sequence[RGB]


def draw_sky(sight: Sight, properties: Mapping[str, str], fetch: Fetch, pool: Executor) -> np.ndarray:
    """The survey in a view, uint8 (height, width, 3); ``pool`` fetches its tiles.

    Raises FormatError when the survey has no picture tiles. Tiles that are missing or broken stay dark.
    """
    picture = np.empty((sight.height, sight.width, 3), np.uint8)
    picture[:] = GROUND
    form = next((name for name in ("png", "jpeg", "webp") if name in properties.get("hips_tile_format", "jpeg")), "")
    if not form:
        raise FormatError("This survey has tiles of values only.", "Choose one with pictures (PNG or JPEG).")
    deepest, least = (_whole(properties, name, n) for name, n in (("hips_order", 3), ("hips_order_min", 0)))
    bits = _whole(properties, "hips_tile_width", 512).bit_length() - 1
    deepest = min(deepest, DEEPEST - bits)
    least = min(least, deepest)
    x, y = np.meshgrid(np.arange(sight.width) + 0.5, np.arange(sight.height) + 0.5)
    ra, dec = sight.sky(x.ravel(), y.ravel())
    seen = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    galactic = properties.get("hips_frame", "").lower().startswith("gal")
    lon, lat = from_icrs(ra[seen], dec[seen], "galactic" if galactic else "icrs")
    # The order whose pixels are as fine as the picture's: a HEALPix pixel of order k is 58.6/2^k degrees wide.
    order = round(math.log2(58.6 * math.radians(1) * sight.scale)) - bits
    order = max(least, min(order, deepest))
    while True:
        pixels = core.lonlat_to_healpix(lon * u.deg, lat * u.deg, 2 ** (order + bits), order="nested")
        tiles, of = np.unique(pixels >> 2 * bits, return_inverse=True)
        if len(tiles) <= MOST_TILES or order <= least:
            break
        order -= 1
    if len(tiles) > MOST_TILES:  # the survey has no coarser order: what there is room for, nearest to the centre first
        tiles, of, seen, pixels = _nearest(tiles, of, seen, pixels)
    suffix = "jpg" if form == "jpeg" else form
    names = [f"Norder{order}/Dir{npix // FOLDER * FOLDER}/Npix{npix}.{suffix}" for npix in tiles.tolist()]
    inner = pixels & ((1 << 2 * bits) - 1)
    row, column = _even_bits(inner, bits), _even_bits(inner >> 1, bits)  # of a picture, from its upper left
    flat = picture.reshape(-1, 3)
    for place, content in enumerate(pool.map(fetch, names)):
        tile = _decoded(content, 1 << bits)
        if tile is not None:
            mine = np.flatnonzero(of == place)
            colour = tile[row[mine], column[mine]]
            alpha = colour[:, 3:].astype(np.float32) / 255
            at = seen[mine]
            flat[at] = np.rint(colour[:, :3] * alpha + flat[at] * (1 - alpha))
    return picture


def draw_rows(picture: np.ndarray, sight: Sight, rows: Rows, chosen: RGB) -> int:
    """Draw rows into a picture: dots, or shades of their number where they are many. How many lie in it."""
    x, y = sight.pixels(rows.ra, rows.dec)
    inside = (x >= 0) & (x < sight.width) & (y >= 0) & (y < sight.height)  # False for NaN
    here = np.flatnonzero(inside)
    if not len(here):
        return 0
    column, row = x[here].astype(np.int64), y[here].astype(np.int64)
    marked = np.zeros(len(here), bool) if rows.marked is None else rows.marked[here]
    if len(here) <= DOTS:
        colours = np.broadcast_to(np.array(rows.colour, np.uint8), (len(here), 3)).copy()
        if rows.own is not None:
            colours = rows.own[here].copy()
        colours[marked] = chosen
        order = np.argsort(marked, kind="stable")  # marked ones on top
        room = math.sqrt(sight.width * sight.height / len(here))
        _stamp(picture, column[order], row[order], colours[order], 3 if room > 24 else 2 if room > 10 else 1)
    else:
        _shade(picture, column, row, rows.colour)
        if marked.any():
            _shade(picture, column[marked], row[marked], chosen)
    return len(here)


def draw_loops(picture: np.ndarray, sight: Sight, loops: Loops) -> np.ndarray:
    """The picture with outlines drawn in it, their edges great circles."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for at in range(len(loops.start) - 1):
        part = slice(int(loops.start[at]), int(loops.start[at + 1]))
        ra, dec = _along(loops.ra[part], loops.dec[part])
        x, y = sight.pixels(ra, dec)
        if not (np.nanmax(x, initial=-1) >= 0 and np.nanmin(x, initial=math.inf) < sight.width):
            continue
        wide = sight.width / 2
        for i in range(len(x) - 1):
            ends = (x[i], y[i], x[i + 1], y[i + 1])
            # Across the seam of a view of the whole sky there is no line.
            if all(map(math.isfinite, ends)) and abs(ends[2] - ends[0]) < wide:
                pen.line(ends, fill=tuple(loops.colours[at]), width=1)
    return np.asarray(image)


def png_of(picture: np.ndarray) -> bytes:
    """The picture as a PNG file."""
    out = BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _whole(properties: Mapping[str, str], name: str, usual: int) -> int:
    try:
        value = int(properties.get(name, usual))
    except ValueError:
        raise FormatError(f"The properties of the survey give no whole number for {name}.") from None
    top = 2048 if name == "hips_tile_width" else 29
    if not 0 <= value <= top or (name == "hips_tile_width" and (value < 2 or value & (value - 1))):
        raise FormatError(f"The properties of the survey give {name} = {value}, which cannot be.")
    return value


def _nearest(
    tiles: np.ndarray, of: np.ndarray, seen: np.ndarray, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Only as many tiles as may be fetched: those that fill most of the picture."""
    kept = np.sort(np.argsort(-np.bincount(of))[:MOST_TILES])
    mine = np.isin(of, kept)
    return tiles[kept], np.searchsorted(kept, of[mine]), seen[mine], pixels[mine]


def _even_bits(numbers: np.ndarray, bits: int) -> np.ndarray:
    """The number made of every second bit, from the lowest on."""
    out = np.zeros_like(numbers)
    for bit in range(bits):
        out |= (numbers >> 2 * bit & 1) << bit
    return out


def _decoded(content: bytes | None, width: int) -> np.ndarray | None:
    """RGBA (width, width, 4) of a tile; None for one that is missing, broken or of another size."""
    if not content:
        return None
    try:
        with Image.open(BytesIO(content)) as image:
            if image.size != (width, width) or width * width > MOST_TILE_PIXELS:
                return None
            return np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # one dark tile, as Aladin leaves it


def _stamp(picture: np.ndarray, column: np.ndarray, row: np.ndarray, colours: np.ndarray, radius: int) -> None:
    height, width = picture.shape[:2]
    for down in range(-radius, radius + 1):
        for across in range(-radius, radius + 1):
            if across**2 + down**2 > radius**2 + 0.5:
                continue
            x, y = column + across, row + down
            good = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            picture[y[good], x[good]] = colours[good]


def _shade(picture: np.ndarray, column: np.ndarray, row: np.ndarray, colour: RGB) -> None:
    """Over the picture, from a dark shade where few rows are to nearly white where most are."""
    height, width = picture.shape[:2]
    counts = np.bincount(row * width + column, minlength=height * width)
    full = np.flatnonzero(counts)
    part = (np.log1p(counts[full]) / math.log1p(counts.max()))[:, None]
    tone = np.array(colour, float)
    low, high = 0.45 * tone, tone + 0.8 * (255 - tone)
    shade = np.where(part < 0.5, low + (tone - low) * 2 * part, tone + (high - tone) * (2 * part - 1))
    picture.reshape(-1, 3)[full] = np.rint(shade).astype(np.uint8)


def _along(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a closed loop, and enough places on the great circles between them for straight lines."""
    a, d = np.radians(np.append(ra, ra[:1])), np.radians(np.append(dec, dec[:1]))
    v = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)
    length = np.linalg.norm(np.diff(v, axis=0), axis=1).max(initial=0.0)
    steps = max(1, min(LEAST_STEPS, math.ceil(length / 0.05)))
    part = np.arange(steps)[None, :, None] / steps
    path = (v[:-1, None] * (1 - part) + v[1:, None] * part).reshape(-1, 3)
    path = np.append(path, v[:1], axis=0)
    return np.degrees(np.arctan2(path[:, 1], path[:, 0])), np.degrees(
        np.arctan2(path[:, 2], np.hypot(path[:, 0], path[:, 1]))
    )
