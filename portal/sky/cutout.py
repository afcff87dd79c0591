"""What the cutout viewer needs of FITS images: pixels north up, cuts, and where on the sky each pixel lies."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits as astropy_fits
from astropy.visualization import ZScaleInterval
from astropy.wcs import WCS
from PIL import Image

from portal.errors import FormatError

MAX_BYTES = 64 * 2**20  # declared pixels of one file: a cutout is a few MB, a whole 4k x 4k coadd 134
MAX_HDUS = 32  # a LSST exposure with all its parts has about 15
MAX_BANDS = 12
LATTICE = 17  # points a side; between them the viewer interpolates to far better than a milliarcsecond
ARCSEC = 3600 * 180 / math.pi


class _Band(NamedTuple):
    """One image: pixels (ny, nx) float32 with row 0 at the bottom, mask int32 of the same shape or None."""

    name: str
    pixels: np.ndarray
    unit: str
    wcs: WCS | None
    mask: np.ndarray | None
    planes: dict[str, int]


class _Turn(NamedTuple):
    """The quarter turn and flips that bring north up and east left."""

    swap: bool
    flip_x: bool
    flip_y: bool

    def pixels(self, image: np.ndarray) -> np.ndarray:
        image = image.T if self.swap else image
        return image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def back(self, x: np.ndarray, y: np.ndarray, nx: int, ny: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixel of the file for a pixel of the turned image of ``nx`` x ``ny``."""
        x = nx - 1 - x if self.flip_x else x
        y = ny - 1 - y if self.flip_y else y
        return (y, x) if self.swap else (x, y)

    def there(self, x: float, y: float, nx: int, ny: int) -> tuple[float, float]:
        """Pixel of the turned image of ``nx`` x ``ny`` for a pixel of the file."""
        x, y = (y, x) if self.swap else (x, y)
        return nx - 1 - x if self.flip_x else x, ny - 1 - y if self.flip_y else y


def cutout_payload(fits: Sequence[tuple[str, bytes]], title: str, position: tuple[float, float] | None = None) -> bytes:
    """The bytes ``static/image.js`` draws, from FITS files (band name, content) of one cutout.

    Files are an Image (pixels in the primary or first extension) or a MaskedImage (extensions IMAGE, MASK,
    VARIANCE). All bands have the same pixels. ``position`` (ICRS degrees) is where the crosshair goes, else
    the middle. Result: uint32 length of the header, JSON header padded with spaces to a multiple of 4, then
    float32[ny, nx] for each band, row 0 at the bottom, then int32[ny, nx] mask for each band when the header's
    ``mask`` is not null; all little-endian. Raises FormatError for anything else or more than 64 MiB a file.
    """
    if not fits:
        raise FormatError("There is no image to show.")
    if len(fits) > MAX_BANDS:
        raise FormatError(f"{len(fits)} images in one cutout; the most is {MAX_BANDS}.")
    bands = [_read(name, content) for name, content in fits]
    first = bands[0]
    for band in bands[1:]:
        _check_same_pixels(first, band)
    turn = _north_up(first)
    images = [np.ascontiguousarray(turn.pixels(band.pixels), "<f4") for band in bands]
    ny, nx = images[0].shape
    masked = all(band.mask is not None and band.planes == first.planes for band in bands)
    lattice = _lattice(first, turn, nx, ny)
    header = {
        "nx": nx,
        "ny": ny,
        "unit": first.unit,
        "bands": [band.name for band in bands],
        "cuts": [_cuts(image) for image in images],
        "title": title,
        "scale_arcsec": lattice["scale"] if lattice else None,
        "north_angle": lattice["north"] if lattice else None,
        "north_up": lattice is not None and abs(lattice["north"]) < 2,
        "target": _target(first, turn, nx, ny, position),
        "mask": first.planes if masked else None,
        "lattice": lattice,
    }
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), text, *(image.tobytes() for image in images)]
    if masked:
        parts += [np.ascontiguousarray(turn.pixels(band.mask), "<i4").tobytes() for band in bands]
    return b"".join(parts)


def thumbnail(fits: bytes, size: int = 64) -> bytes:
    """A small grey picture (PNG, at most ``size`` pixels a side) of a FITS cutout, north up, asinh stretch.

    Raises FormatError as ``cutout_payload`` does.
    """
    band = _read("small", fits)
    image = _north_up(band).pixels(band.pixels)
    low, high = _cuts(image)
    level = np.arcsinh(10 * np.clip((np.nan_to_num(image, nan=low) - low) / (high - low), 0, None)) / math.asinh(30)
    grey = (255 * np.clip(level, 0, 1)).astype(np.uint8)[::-1]  # row 0 of a PNG is its top
    picture = Image.fromarray(grey)
    picture.thumbnail((size, size))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _read(name: str, content: bytes) -> _Band:
    try:
        with astropy_fits.open(BytesIO(content), memmap=False) as hdus:
            return _band(name, hdus)
    except FormatError:
        raise
    # A damaged file shows itself in many ways deep in the FITS reader; the reader of the page needs one.
    except Exception as error:
        raise FormatError(
            f"The {name} image is not a FITS image that can be read ({type(error).__name__}: {error}).",
            "Try again; if it stays, the image service sent something else.",
        ) from error


def _band(name: str, hdus: Any) -> _Band:
    found = []
    for hdu in hdus:
        found.append(hdu)
        if len(found) > MAX_HDUS:
            raise FormatError(f"The {name} image has more than {MAX_HDUS} parts.")
        if _declared(hdu.header) > MAX_BYTES:
            raise FormatError(
                f"The {name} image declares {_declared(hdu.header) / 2**20:,.0f} MiB of pixels; "
                f"the viewer takes up to {MAX_BYTES // 2**20}.",
                "Ask for a smaller cutout.",
            )
    flat = [hdu for hdu in found if hdu.is_image and hdu.header.get("NAXIS") == 2]
    named = {str(hdu.header.get("EXTNAME", "")).strip().upper(): hdu for hdu in flat}
    image = named.get("IMAGE") or named.get("SCI") or (flat[0] if flat else None)
    if image is None:
        raise FormatError(f"The {name} file holds no two-dimensional image.")
    pixels = np.asarray(image.data, np.float32)
    if pixels.ndim != 2 or not pixels.size:
        raise FormatError(f"The {name} image has no pixels.")
    mask = named.get("MASK")
    if mask is not None and mask.data.shape != pixels.shape:
        mask = None
    planes = {}
    if mask is not None:
        planes = {k[3:]: int(v) for k, v in mask.header.items() if k.startswith("MP_") and 0 <= int(v) < 32}
    unit = image.header.get("BUNIT") or found[0].header.get("BUNIT") or ""
    return _Band(
        name,
        pixels,
        str(unit).strip(),
        _wcs(image.header),
        None if mask is None else mask.data.astype(np.int32),
        planes,
    )


def _declared(header: Any) -> int:
    size = abs(int(header.get("BITPIX", 8))) // 8
    for axis in range(1, int(header.get("NAXIS", 0)) + 1):
        size *= int(header.get(f"NAXIS{axis}", 0))
    return size if header.get("NAXIS", 0) else 0


def _wcs(header: Any) -> WCS | None:
    wcs = WCS(header, fix=False)
    return wcs.celestial if wcs.has_celestial else None


def _check_same_pixels(first: _Band, band: _Band) -> None:
    if band.pixels.shape != first.pixels.shape:
        sizes = ["×".join(str(n) for n in one.pixels.shape[::-1]) for one in (first, band)]
        raise FormatError(
            f"The {first.name} image has {sizes[0]} pixels, the {band.name} image {sizes[1]}; "
            "they cannot be laid on each other."
        )
    if first.wcs is None or band.wcs is None:
        return
    ny, nx = first.pixels.shape
    here, there = (one.wcs.pixel_to_world(nx / 2, ny / 2) for one in (first, band))
    pixel = first.wcs.pixel_to_world(nx / 2 + 1, ny / 2).separation(here).arcsec
    if here.separation(there).arcsec > 0.1 * pixel:
        raise FormatError(f"The {first.name} and {band.name} images show different parts of the sky.")


def _sky(band: _Band, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ICRS radians of 0-based pixels."""
    place = band.wcs.pixel_to_world(x, y).icrs
    return place.ra.rad, place.dec.rad


def _plane(ra: Any, dec: Any, ra0: float, dec0: float) -> tuple[Any, Any]:
    """Tangent-plane coordinates (towards east, towards north) in arcsec; all angles in radians."""
    depth = np.sin(dec) * math.sin(dec0) + np.cos(dec) * math.cos(dec0) * np.cos(ra - ra0)
    xi = np.cos(dec) * np.sin(ra - ra0) / depth
    eta = (np.sin(dec) * math.cos(dec0) - np.cos(dec) * math.sin(dec0) * np.cos(ra - ra0)) / depth
    return xi * ARCSEC, eta * ARCSEC


def _north_up(band: _Band) -> _Turn:
    if band.wcs is None:
        return _Turn(False, False, False)
    ny, nx = band.pixels.shape
    x, y = (nx - 1) / 2, (ny - 1) / 2
    ra, dec = _sky(band, np.array([x, x + 1, x]), np.array([y, y, y + 1]))
    xi, eta = _plane(ra, dec, ra[0], dec[0])
    # Rows of the inverse: how far along x and y one step to the east and to the north leads.
    (east_x, north_x), (east_y, north_y) = np.linalg.inv([xi[1:], eta[1:]])
    swap = abs(north_x) > abs(north_y)
    if swap:
        east_x, north_y = east_y, north_x
    return _Turn(bool(swap), bool(east_x > 0), bool(north_y < 0))


def _lattice(band: _Band, turn: _Turn, nx: int, ny: int) -> dict[str, Any] | None:
    """Sky positions on a lattice from the image's lower left to its upper right edge, row by row upwards.

    Offsets ``xi`` (east) and ``eta`` (north) in arcsec on the plane that touches the sky at ``ra0``, ``dec0``.
    """
    if band.wcs is None:
        return None
    x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, LATTICE), np.linspace(-0.5, ny - 0.5, LATTICE))
    ra, dec = _sky(band, *turn.back(x, y, nx, ny))
    middle = LATTICE // 2
    ra0, dec0 = float(ra[middle, middle]), float(dec[middle, middle])
    xi, eta = _plane(ra, dec, ra0, dec0)
    if not (np.isfinite(xi).all() and np.isfinite(eta).all()):
        return None
    step_x, step_y = nx / (LATTICE - 1), ny / (LATTICE - 1)
    across = np.array([xi[middle, middle + 1], eta[middle, middle + 1]]) / step_x
    upwards = np.array([xi[middle + 1, middle], eta[middle + 1, middle]]) / step_y
    north = np.linalg.solve(np.stack([across, upwards], axis=1), [0.0, 1.0])
    return {
        "n": LATTICE,
        "ra0": math.degrees(ra0),
        "dec0": math.degrees(dec0),
        "xi": np.round(xi.ravel(), 7).tolist(),
        "eta": np.round(eta.ravel(), 7).tolist(),
        "scale": float(math.sqrt(abs(across[0] * upwards[1] - across[1] * upwards[0]))),
        "north": math.degrees(math.atan2(-north[0], north[1])),
    }


def _target(band: _Band, turn: _Turn, nx: int, ny: int, position: tuple[float, float] | None) -> tuple[float, float]:
    """Where the crosshair goes: 0-based pixel of the turned image, pixel centres at whole numbers."""
    if band.wcs is not None and position is not None and all(map(math.isfinite, position)):
        x, y = band.wcs.world_to_pixel(SkyCoord(*position, unit="deg"))
        if math.isfinite(x) and math.isfinite(y):
            return turn.there(float(x), float(y), nx, ny)
    return (nx - 1) / 2, (ny - 1) / 2


def _cuts(image: np.ndarray) -> tuple[float, float]:
    """Black and white level by zscale; by percentiles where that finds nothing."""
    good = image[np.isfinite(image)]
    if not good.size:
        return 0.0, 1.0
    try:
        low, high = ZScaleInterval().get_limits(good)
    except (ValueError, IndexError):
        low = high = 0.0
    if not high > low:
        low, high = np.percentile(good, [1, 99.5])
    if not high > low:
        high = low + 1
    return float(low), float(high)
