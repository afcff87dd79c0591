"""The ``properties`` file of a survey (HiPS 1.0, section 4.4.1): what clients read before they ask for tiles."""

from __future__ import annotations

from collections.abc import Sequence

from portal.archive.sample.bands import BANDS, HALF_WIDTH_NM, WAVELENGTH_NM
from portal.archive.sample.coadd import Field
from portal.archive.sample.geometry import SCALE
from portal.archive.sample.hips import ORDER_MAX, ORDER_MIN, Survey
from portal.archive.sample.hipsfits import UNIT
from portal.archive.sample.noise import brightness_sigma
from portal.archive.sample.tilegrid import WIDTH, pixel_scale

RELEASED = "2026-11-21T00:00Z"  # of the look of the surveys; their sky follows from the seed alone
# FITS pixels range from this many sigma of the noise below zero to about the cores of stars that saturate.
LOWEST, HIGHEST = -8.0, 2e7


def properties(survey: Survey, fields: Sequence[Field], fraction: float, moc_order: int, url: str = "") -> str:
    """The text for a survey over ``fields``, the main one first; ``fraction`` is the covered share of the sky.

    ``url`` is where the survey is served, "" when nobody knows yet.
    """
    ends = [BANDS.index(band) for band in survey.bands]
    low = min(WAVELENGTH_NM[k] - HALF_WIDTH_NM[k] for k in ends) * 1e-9
    high = max(WAVELENGTH_NM[k] + HALF_WIDTH_NM[k] for k in ends) * 1e-9
    colour = len(survey.bands) == 3
    main = fields[0]
    lines = {
        "creator_did": f"ivo://triview.sample/hips/{survey.name}",
        "obs_collection": "Triview sample sky",
        "obs_title": survey.title,
        "obs_description": "Simulated deep coadds, drawn at the resolution of each tile.",
        "obs_regime": "Optical",
        "em_min": f"{low:.4g}",
        "em_max": f"{high:.4g}",
        "client_category": "Image/Optical/Simulated",
        "hips_version": "1.4",
        "hips_builder": "Triview",
        "hips_publisher": "Triview sample archive",
        "hips_release_date": RELEASED,
        "hips_status": "public master clonableOnce",
        "hips_frame": "equatorial",
        "hips_order": str(ORDER_MAX),
        "hips_order_min": str(ORDER_MIN),
        "hips_tile_width": str(WIDTH),
        "hips_tile_format": "png" if colour else "png fits",
        "hips_pixel_scale": f"{pixel_scale(ORDER_MAX) / 3600.0:.6g}",
        "hips_sampling": "bilinear",
        "s_pixel_scale": f"{SCALE / 3600.0:.6g}",
        "dataproduct_type": "image",
        "hips_initial_ra": f"{main.ra:g}",
        "hips_initial_dec": f"{main.dec:g}",
        "hips_initial_fov": f"{2.4 * main.radius:g}",
        "moc_order": str(moc_order),
        "moc_sky_fraction": f"{fraction:.4g}",
    }
    if colour:
        lines["dataproduct_subtype"] = "color"
    else:
        sigma = float(brightness_sigma()[ends[0]])
        lines |= {
            "data_ucd": "phot.flux.density.sb;em.opt",
            "obs_unit": UNIT,
            "hips_pixel_bitpix": "-32",
            "hips_pixel_cut": f"{survey.black:.4g} {survey.black + survey.stretch:.4g}",
            "hips_data_range": f"{LOWEST * sigma:.4g} {HIGHEST:.4g}",
        }
    if url:
        lines["hips_service_url"] = url
        lines["moc_access_url"] = f"{url}/Moc.fits"
    return "".join(f"{key:<22}= {value}\n" for key, value in lines.items())
