"""World coordinates out of a header: celestial, of the two axes that are shown, or a sentence why there are none."""

from __future__ import annotations

import warnings

import numpy as np
from astropy.io.fits import Header
from astropy.wcs import WCS

from portal.image.lattice import frame_of

MOST_CARDS = 5_000  # a header that holds more is no description of an image


def celestial(header: Header) -> tuple[WCS | None, str]:
    """(world coordinates of the first two axes, "") or (None, why); an image that claims none gives no reason."""
    if not any(key in header for key in ("CTYPE1", "CTYPE2")):
        return None, ""
    if len(header) > MOST_CARDS:
        return None, f"The header has more than {MOST_CARDS:,} cards; its world coordinates are left out."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header)
            if not wcs.has_celestial:
                return None, ""
            if wcs.naxis > 2:
                if {wcs.wcs.lng, wcs.wcs.lat} != {0, 1}:
                    return None, "The first two axes are not the sky; positions are left out."
                wcs = wcs.sub([1, 2])
            wcs.wcs.set()
            frame_of(wcs)
            matrix = wcs.pixel_scale_matrix
            if not abs(np.linalg.det(matrix)) > 1e-12 * np.abs(matrix).max() ** 2:
                raise ValueError("all pixels lie on one line")
            middle = [header.get("NAXIS1", 2) / 2, header.get("NAXIS2", 2) / 2]
            at = wcs.all_pix2world([[0.0, 0.0], middle, wcs.wcs.crpix - 1], 0)
    # What is wrong with a header shows in many ways inside the WCS library.
    except Exception as error:  # noqa: BLE001
        words = " ".join(str(error).split())[:160] or type(error).__name__
        return None, f"The world coordinates of the header cannot be used ({words}); positions are left out."
    if not np.isfinite(at).any():
        return None, "The world coordinates of the header lead to no place on the sky; positions are left out."
    return wcs, ""


def plain(wcs: WCS) -> str:
    """The same as a header of few cards, for a process that reads no others; "" when it cannot be said in cards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = wcs.to_header(relax=True).tostring()
        back = WCS(Header.fromstring(text))
    span = np.array(wcs.pixel_shape or (1000, 1000))
    places = np.random.default_rng(0).uniform(0, span, (25, 2))
    here, there = wcs.all_pix2world(places, 0), back.all_pix2world(places, 0)
    same = np.isclose(here, there, rtol=0, atol=1e-9, equal_nan=True).all()  # degrees; 4 µas
    return text if same else ""


def from_plain(text: str) -> WCS | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WCS(Header.fromstring(text)) if text else None
