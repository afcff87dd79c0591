"""HiPS 1.0 surveys of the sample sky: the light of each tile, and its picture.

Every tile of every order is drawn from the objects themselves at the tile's own resolution; no tile is made from
other tiles. Knows the tile pyramid and the look of the pictures, nothing of HTTP or of files.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import angular_separation
from astropy_healpix import HEALPix
from PIL import Image

from portal.archive.sample.bands import BANDS, COADD_INPUTS, COADD_SEEING, electron_flux
from portal.archive.sample.coadd import EXPOSURE, Field
from portal.archive.sample.colour import grey, lupton
from portal.archive.sample.draw import draw_objects, optics
from portal.archive.sample.geometry import SCALE
from portal.archive.sample.noise import Noise, brightness_sigma
from portal.archive.sample.resample import coadd_grain, coadd_spots
from portal.archive.sample.sources import FAINTEST, Sources
from portal.archive.sample.tilegrid import BITS, WIDTH, deinterleave, pixel_numbers, pixel_scale, places

ORDER_MIN, ORDER_MAX = 3, 11  # order 11 has pixels of 0.2 arcsec, the coadds' own
ALLSKY_ORDER, ALLSKY_WIDTH, ALLSKY_COLUMNS = 3, 64, 27  # as HiPS 1.0 lays out the preview
FLOOR = 0.003  # light below this share of a tile pixel's noise is not drawn (that of coadds)
# pixel2: pixels are sampled at their centres, so a point must spread over enough of them to keep its flux.
BLUR = 0.28


# From this order on tile pixels are about as small as a coadd's, and carry the very noise of the coadds; on coarser
# tiles it has averaged out so far that noise of their own is as good, and much quicker.
RESAMPLED = 10  # for single bands; for a colour picture, which shows no values, the last order alone is worth the time


class Survey(NamedTuple):
    """One HiPS: ``bands`` red to blue for a colour picture, or one; ``weights`` bring them to a common scale."""

    name: str
    title: str
    bands: str
    weights: tuple[float, ...]
    black: float  # nJy per arcsec2
    stretch: float
    softening: float


def _surveys() -> dict[str, Survey]:
    found = [Survey("color_gri", "Sample sky, colour (i r g)", "irg", (0.81, 1.0, 1.48), -80.0, 850.0, 8.0)]
    for k, band in enumerate(BANDS):
        noise = float(brightness_sigma()[k])
        found.append(Survey(f"band_{band}", f"Sample sky, {band} band", band, (1.0,), -0.6 * noise, 6 * noise, 8.0))
    return {survey.name: survey for survey in found}


SURVEYS = _surveys()


def tile_light(sources: Sources, band: str, order: int, npix: int, rows: np.ndarray, seeing: float = 0.0) -> np.ndarray:
    """Noiseless surface brightness of a tile in nJy per arcsec2, shape (512, 512), as it lies in the picture.

    ``rows`` are the objects to draw, ``seeing`` the FWHM in arcsec (0: that of the band's coadds).
    """
    k = BANDS.index(band)
    face, x, y = deinterleave(npix, order)
    scale = pixel_scale(order)
    brightness = float(brightness_sigma()[k])
    floor = max(FLOOR * SCALE / scale, FAINTEST) * brightness * scale**2
    image = np.zeros((WIDTH, WIDTH))
    place = places(sources.position, rows, face, float(x * WIDTH), float(y * WIDTH), float(2 ** (order + BITS)))
    draw_objects(image, 0, 0, rows, place, sources.shape, k, optics(k, seeing), BLUR, floor)
    return image / scale**2


def tile_centre(order: int, npix: int) -> tuple[float, float, float]:
    """(ra, dec, radius) in degrees of a circle about a tile."""
    grid = HEALPix(2**order, order="nested")
    ra, dec = grid.healpix_to_lonlat(npix)
    lon, lat = grid.boundaries_lonlat(npix, 1)
    radius = float(angular_separation(ra, dec, lon, lat).to_value(u.deg).max())
    return float(ra.to_value(u.deg)), float(dec.to_value(u.deg)), radius * 1.001


def observed(fields: Sequence[Field], order: int, npix: int) -> np.ndarray | None:
    """Which pixels of a tile lie in a field; an array without True when none does, None when all do."""
    ra, dec, radius = tile_centre(order, npix)
    touching = []
    for field in fields:
        apart = np.degrees(angular_separation(*np.radians([ra, dec, field.ra, field.dec])))
        if apart + radius < field.radius:
            return None
        if apart - radius <= field.radius:
            touching.append(field)
    if not touching:
        return np.zeros((1, 1), bool)
    lon, lat = HEALPix(2 ** (order + BITS), order="nested").healpix_to_lonlat(pixel_numbers(npix))
    seen = np.zeros((WIDTH, WIDTH), bool)
    for field in touching:
        here = angular_separation(lon.value, lat.value, np.radians(field.ra), np.radians(field.dec))
        seen |= here <= np.radians(field.radius)
    return seen


class Light(NamedTuple):
    """A tile's surface brightness in nJy per arcsec2, (512, 512) float64 per band, lying as in the picture.

    ``seen`` tells which pixels were observed: None when all were.
    """

    planes: tuple[np.ndarray, ...]
    seen: np.ndarray | None


def light_of(
    sources: Sources, noise: Noise, fields: Sequence[Field], survey: Survey, order: int, npix: int
) -> Light | None:
    """A tile with its noise; None when the whole tile lies outside the fields."""
    seen = observed(fields, order, npix)
    if seen is not None and not seen.any():
        return None
    ra, dec, radius = tile_centre(order, npix)
    scale = pixel_scale(order)
    rows = sources.near(ra, dec, radius + 8 * scale / 3600.0)
    # One seeing for the bands of a colour picture: else every star has a blue rim, g being the least sharp.
    seeing = float(COADD_SEEING[BANDS.index(survey.bands[len(survey.bands) // 2])])
    fine = order >= (RESAMPLED if len(survey.bands) == 1 else ORDER_MAX)
    spots = coadd_spots(order, npix) if fine else None
    planes = []
    for band in survey.bands:
        k = BANDS.index(band)
        light = tile_light(sources, band, order, npix, rows, seeing)
        if spots is None:
            grain = noise.box(f"hips{order}", band, npix, 0, 0, WIDTH, WIDTH) * min(SCALE / scale, 1.0)
        else:
            grain = coadd_grain(noise, band, spots)
        gain = float(electron_flux(EXPOSURE)[k] / COADD_INPUTS[k])
        sigma = np.sqrt(float(brightness_sigma()[k]) ** 2 + light * (gain / SCALE**2))
        planes.append(light + sigma * grain)
    return Light(tuple(planes), seen)


def picture(
    sources: Sources, noise: Noise, fields: Sequence[Field], survey: Survey, order: int, npix: int
) -> Image.Image | None:
    """The tile, transparent where nothing was observed; None when the whole tile lies outside the fields."""
    light = light_of(sources, noise, fields, survey, order, npix)
    return None if light is None else drawn(light, survey)


def drawn(light: Light, survey: Survey) -> Image.Image:
    """A tile's light in the look of its survey."""
    look = (survey.black, survey.stretch, survey.softening)
    planes = [plane * weight for plane, weight in zip(light.planes, survey.weights)]
    values = lupton(*planes, *look) if len(planes) == 3 else grey(planes[0], *look)
    if light.seen is None:
        return Image.fromarray(values)
    values[~light.seen] = 0  # noise under full transparency would only cost bytes
    made = Image.fromarray(values)
    made.putalpha(Image.fromarray(np.where(light.seen, 255, 0).astype(np.uint8)))
    return made


def png(image: Image.Image) -> bytes:
    """PNG bytes; noise does not compress, so the quickest level is as good as any."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def allsky(tiles: dict[int, Image.Image]) -> Image.Image:
    """The order 3 preview (27 tiles of 64 pixels a row) from the tiles there are."""
    rows = -(-12 * 4**ALLSKY_ORDER // ALLSKY_COLUMNS)
    sheet = Image.new("RGBA", (ALLSKY_COLUMNS * ALLSKY_WIDTH, rows * ALLSKY_WIDTH))
    for npix, tile in tiles.items():
        place = (npix % ALLSKY_COLUMNS * ALLSKY_WIDTH, npix // ALLSKY_COLUMNS * ALLSKY_WIDTH)
        sheet.paste(tile.convert("RGBA").resize((ALLSKY_WIDTH, ALLSKY_WIDTH), Image.Resampling.BOX), place)
    return sheet
