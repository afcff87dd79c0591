"""Tiles of row counts as the files of a HiPS: FITS, and the text of properties. Other people's viewers read them."""

from __future__ import annotations

import numpy as np

from portal.sky.density import MAX_ORDER, WIDTH, Tile
from portal.table.fits_cards import BLOCK, block, card, printable

KINDS = {"i": 32, "f": -32}  # BITPIX of four-byte numbers


def tile_fits(order: int, npix: int, tile: Tile) -> bytes:
    """A FITS file: the number of rows in each bin first, then extensions MARKED and VALUE where the tile has them.

    Places as HiPS 1.0 says: the lowest row first, ORDER and NPIX in the header.
    """
    first = [card("SIMPLE", True), *_image_cards(tile.count)]
    first += [card("EXTEND", True), card("ORDER", order), card("NPIX", npix), card("BUNIT", "rows")]
    first += _hpx_cards(order, npix)
    parts = [block(first), _pixels(tile.count)]
    for name, plane in (("MARKED", tile.marked), ("VALUE", tile.value)):
        if plane is not None:
            cards = [card("XTENSION", "IMAGE"), *_image_cards(plane), card("PCOUNT", 0), card("GCOUNT", 1)]
            parts += [block([*cards, card("EXTNAME", name)]), _pixels(plane)]
    return b"".join(parts)


def properties(title: str, rows: int, circle: tuple[float, float, float] | None) -> str:
    """The properties file (HiPS 1.0, section 4.4.1) of the counts of ``rows`` rows within ``circle`` (degrees)."""
    ra, dec, radius = circle or (0.0, 0.0, 180.0)
    lines = {
        "hips_version": "1.4",
        "creator_did": "ivo://triview/rows",
        "obs_title": f"Number of rows: {printable(title)}",
        "dataproduct_type": "image",
        "hips_frame": "equatorial",
        "hips_order": MAX_ORDER,
        "hips_order_min": 0,
        "hips_tile_width": WIDTH,
        "hips_tile_format": "fits",
        "hips_pixel_bitpix": 32,
        "hips_initial_ra": f"{ra:.6f}",
        "hips_initial_dec": f"{dec:.6f}",
        "hips_initial_fov": f"{min(360.0, max(2 * radius, 1e-3)):.6f}",
        "hips_status": "private master unclonable",
        "nb_rows": rows,
    }
    return "".join(f"{key:<20} = {value}\n" for key, value in lines.items())


def _image_cards(plane: np.ndarray) -> list[str]:
    sizes = [card("NAXIS", 2), card("NAXIS1", plane.shape[1]), card("NAXIS2", plane.shape[0])]
    return [card("BITPIX", KINDS[plane.dtype.kind]), *sizes]


def _hpx_cards(order: int, npix: int) -> list[str]:
    """The WCS of a tile: the HPX projection (Calabretta & Roukema 2007), exact at every bin."""
    face, rest = divmod(npix, 4**order)
    x, y = (sum(((rest >> (2 * bit + odd)) & 1) << bit for bit in range(order)) for odd in (0, 1))
    side = 2**order * WIDTH  # bins along a base face
    # The middle of the base face in degrees from the meridian in CRVAL1: one of its own, so that no tile lies across
    # the seam opposite to it. Along a face x runs to the north-east and y to the north-west.
    quarter, belt = face % 4, face // 4
    middle_x, middle_y = (0.0 if belt == 1 else 45.0), 45.0 * (1 - belt)
    column = side * (1.0 - middle_y / 45.0 + middle_x / 45.0) / 2.0 - y * WIDTH + 0.5
    row = (x + 1) * WIDTH + 0.5 - side * (1.0 - middle_y / 45.0 - middle_x / 45.0) / 2.0
    step = 45.0 / side
    numbers = {
        "CRPIX1": column, "CRPIX2": row, "CRVAL1": 90.0 * quarter, "CRVAL2": 0.0,
        "CD1_1": -step, "CD1_2": -step, "CD2_1": step, "CD2_2": -step, "PV2_1": 4, "PV2_2": 3,
    }  # fmt: skip
    names = {"CTYPE1": "RA---HPX", "CTYPE2": "DEC--HPX", "CUNIT1": "deg", "CUNIT2": "deg", "RADESYS": "ICRS"}
    return [*(card(*item) for item in names.items()), *(f"{k:<8}= {v:>20.13G}".ljust(80) for k, v in numbers.items())]


def _pixels(plane: np.ndarray) -> bytes:
    data = plane.astype(plane.dtype.newbyteorder(">")).tobytes()
    return data + bytes(-len(data) % BLOCK)
