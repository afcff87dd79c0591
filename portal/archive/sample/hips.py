"""HiPS 1.0 surveys of the sample sky: tiles, all-sky preview, properties and coverage.

Every tile of every order is drawn from the objects themselves at the tile's own resolution; no tile is made from
other tiles. Knows the tile pyramid and the look of the pictures, nothing of HTTP or of files.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import angular_separation
from astropy_healpix import HEALPix
from mocpy import MOC
from PIL import Image

from portal.archive.sample.bands import BANDS, COADD_SEEING, HALF_WIDTH_NM, WAVELENGTH_NM
from portal.archive.sample.coadd import Field
from portal.archive.sample.colour import grey, lupton
from portal.archive.sample.draw import draw_objects, optics
from portal.archive.sample.geometry import SCALE
from portal.archive.sample.noise import Noise, brightness_sigma
from portal.archive.sample.sources import FAINTEST, Sources
from portal.archive.sample.tilegrid import BITS, WIDTH, deinterleave, pixel_numbers, pixel_scale, places

ORDER_MIN, ORDER_MAX = 3, 11  # order 11 has pixels of 0.2 arcsec, the coadds' own
ALLSKY_ORDER, ALLSKY_WIDTH, ALLSKY_COLUMNS = 3, 64, 27  # as HiPS 1.0 lays out the preview
RELEASED = "2026-11-01T00:00Z"  # of the look of the surveys; their sky follows from the seed alone
FLOOR = 0.02  # light below this share of a tile pixel's noise is not drawn
# pixel2: pixels are sampled at their centres, so a point must spread over enough of them to keep its flux.
BLUR = 0.28


# From this order on tile pixels are about as small as a coadd's: resampling makes their noise softer.
RESAMPLED = 10


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


def _observed(field: Field, order: int, npix: int) -> np.ndarray | None:
    """Which pixels of a tile lie in the field; an array without True when none does, None when all do."""
    ra, dec, radius = tile_centre(order, npix)
    apart = np.degrees(angular_separation(*np.radians([ra, dec, field.ra, field.dec])))
    if apart + radius < field.radius:
        return None
    if apart - radius > field.radius:
        return np.zeros((1, 1), bool)
    lon, lat = HEALPix(2 ** (order + BITS), order="nested").healpix_to_lonlat(pixel_numbers(npix))
    here = angular_separation(lon.value, lat.value, np.radians(field.ra), np.radians(field.dec))
    return here <= np.radians(field.radius)


def _smooth(grain: np.ndarray) -> np.ndarray:
    """Neighbouring columns mixed as bilinear resampling does on average."""
    wide = np.pad(grain, ((0, 0), (1, 1)), mode="wrap")
    return 0.6 * wide[:, 1:-1] + 0.2 * (wide[:, :-2] + wide[:, 2:])


def picture(sources: Sources, noise: Noise, field: Field, survey: Survey, order: int, npix: int) -> Image.Image | None:
    """The tile, transparent where nothing was observed; None when the whole tile lies outside the field."""
    seen = _observed(field, order, npix)
    if seen is not None and not seen.any():
        return None
    ra, dec, radius = tile_centre(order, npix)
    scale = pixel_scale(order)
    rows = sources.near(ra, dec, radius + 8 * scale / 3600.0)
    # One seeing for the bands of a colour picture: else every star has a blue rim, g being the least sharp.
    seeing = float(COADD_SEEING[BANDS.index(survey.bands[len(survey.bands) // 2])])
    planes = []
    for band, weight in zip(survey.bands, survey.weights):
        light = tile_light(sources, band, order, npix, rows, seeing)
        grain = noise.box(f"hips{order}", band, npix, 0, 0, WIDTH, WIDTH)
        if order >= RESAMPLED:
            grain = _smooth(_smooth(grain).T).T
        sigma = float(brightness_sigma()[BANDS.index(band)]) * min(SCALE / scale, 1.0)
        planes.append((light + sigma * grain) * weight)
    look = (survey.black, survey.stretch, survey.softening)
    values = lupton(*planes, *look) if len(planes) == 3 else grey(planes[0], *look)
    if seen is None:
        return Image.fromarray(values)
    values[~seen] = 0  # noise under full transparency would only cost bytes
    made = Image.fromarray(values)
    made.putalpha(Image.fromarray(np.where(seen, 255, 0).astype(np.uint8)))
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


def coverage(field: Field, order: int) -> MOC:
    """The field as a MOC whose cells of ``order`` cover it wholly."""
    return MOC.from_cone(
        field.ra * u.deg, field.dec * u.deg, radius=field.radius * u.deg, max_depth=order, delta_depth=4
    )


def moc_bytes(moc: MOC) -> bytes:
    """A MOC as the FITS file of the MOC 2.0 standard."""
    out = io.BytesIO()
    moc.serialize(format="fits").writeto(out)
    return out.getvalue()


def properties(survey: Survey, field: Field, fraction: float, url: str = "") -> str:
    """The text of the survey's ``properties`` file; ``fraction`` is the covered share of the sky."""
    ends = [BANDS.index(band) for band in survey.bands]
    low = min(WAVELENGTH_NM[k] - HALF_WIDTH_NM[k] for k in ends) * 1e-9
    high = max(WAVELENGTH_NM[k] + HALF_WIDTH_NM[k] for k in ends) * 1e-9
    lines = {
        "creator_did": f"ivo://triview.sample/hips/{survey.name}",
        "obs_collection": "Triview sample sky",
        "obs_title": survey.title,
        "obs_description": "Simulated deep coadds, drawn at the resolution of each tile.",
        "obs_regime": "Optical",
        "em_min": f"{low:.4g}",
        "em_max": f"{high:.4g}",
        "hips_version": "1.4",
        "hips_builder": "Triview",
        "hips_release_date": RELEASED,
        "hips_status": "public master clonableOnce",
        "hips_frame": "equatorial",
        "hips_order": str(ORDER_MAX),
        "hips_order_min": str(ORDER_MIN),
        "hips_tile_width": str(WIDTH),
        "hips_tile_format": "png",
        "hips_pixel_scale": f"{pixel_scale(ORDER_MAX) / 3600.0:.6g}",
        "s_pixel_scale": f"{SCALE / 3600.0:.6g}",
        "dataproduct_type": "image",
        "hips_initial_ra": f"{field.ra:g}",
        "hips_initial_dec": f"{field.dec:g}",
        "hips_initial_fov": f"{2.4 * field.radius:g}",
        "moc_sky_fraction": f"{fraction:.4g}",
    }
    if len(survey.bands) == 3:
        lines["dataproduct_subtype"] = "color"
    if url:
        lines["hips_service_url"] = url
    return "".join(f"{key:<22}= {value}\n" for key, value in lines.items())
