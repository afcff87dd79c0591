"""Where coadds lie on the sky: tracts in rings of declination, each cut into 10 x 10 overlapping patches.

Knows angles and pixel numbers only; nothing of bands, files or catalogues. Tract numbers are our own and do not
mean the sky of any Rubin release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from astropy.wcs import WCS

SKYMAP = "triview_rings_v1"
SCALE = 0.2  # arcsec per pixel, Rubin's
PATCH = 3400  # pixels on a side, overlap included
STEP = 3200  # pixels from one patch to the next, hence an overlap of 200 pixels = 40 arcsec
GRID = 10  # patches on a side of a tract
SIDE = GRID * STEP + PATCH - STEP  # pixels on a side of a tract
BORDER = (PATCH - STEP) // 2
CENTRE = (SIDE - 1) / 2  # pixel (from 0) of the tract centre in tract coordinates
RING = 1.62  # degrees between rings: below the 1.78 degrees of a tract, so that inner regions tile the sky
# The anchor puts the field (62, -37) into the middle of a patch: cutouts about the field centre are whole.
HALF_STEP = 0.5 * STEP * SCALE / 3600.0
ANCHOR_DEC = -37.0 + HALF_STEP
ANCHOR_RA = 62.0 - HALF_STEP / float(np.cos(np.radians(37.0)))

_K_MIN = int(np.ceil((-90.0 - ANCHOR_DEC) / RING))
_K_MAX = int(np.floor((90.0 - ANCHOR_DEC) / RING))
_RING_DEC = ANCHOR_DEC + RING * np.arange(_K_MIN, _K_MAX + 1)
# The edge of a ring nearest the equator is its longest circle: no tract may be wider there than RING.
_WIDEST = np.maximum(np.abs(_RING_DEC) - RING / 2, 0.0)
_IN_RING = np.maximum(np.ceil(360.0 * np.cos(np.radians(_WIDEST)) / RING), 1).astype(np.int64)
_FIRST = np.concatenate([[0], np.cumsum(_IN_RING)])


class Outlined:
    """What follows for any image from its size ``nx, ny`` and its map ``to_sky`` from pixels to ICRS degrees."""

    nx: int
    ny: int

    def to_sky(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError

    def centre(self) -> tuple[float, float]:
        """ICRS degrees of the middle of the image."""
        ra, dec = self.to_sky((self.nx - 1) / 2, (self.ny - 1) / 2)
        return float(ra), float(dec)

    def corners(self) -> list[tuple[float, float]]:
        """The four outer corners (ra, dec) in degrees, from the lower left counterclockwise on the pixel grid."""
        x = np.array([-0.5, self.nx - 0.5, self.nx - 0.5, -0.5])
        y = np.array([-0.5, -0.5, self.ny - 0.5, self.ny - 0.5])
        ra, dec = self.to_sky(x, y)
        return [(float(a), float(d)) for a, d in zip(ra, dec)]

    def s_region(self) -> str:
        """The outline as ObsCore's s_region: ``POLYGON ICRS ra dec ra dec ...`` in degrees."""
        return "POLYGON ICRS " + " ".join(f"{a:.7f} {d:.7f}" for a, d in self.corners())


@dataclass(frozen=True)
class Patch(Outlined):
    """One patch of a tract. ``ra0, dec0`` is the tract centre (degrees, the tangent point), ``x0, y0`` the patch's
    lower left pixel in tract coordinates (from 0), ``nx, ny`` its size, ``scale`` arcsec per pixel.
    """

    tract: int
    patch: int
    ra0: float
    dec0: float
    x0: int
    y0: int
    nx: int = PATCH
    ny: int = PATCH
    scale: float = SCALE

    @cached_property
    def _wcs(self) -> WCS:
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.crval = [self.ra0, self.dec0]
        wcs.wcs.crpix = [CENTRE + 1 - self.x0, CENTRE + 1 - self.y0]
        wcs.wcs.cd = [[-self.scale / 3600.0, 0.0], [0.0, self.scale / 3600.0]]
        wcs.wcs.radesys = "ICRS"
        wcs.wcs.set()
        return wcs

    def wcs(self) -> WCS:
        """TAN WCS of the patch (its own copy): pixel 0,0 (numpy) is the centre of the lower left pixel."""
        return self._wcs.deepcopy()

    def to_pixel(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Patch pixels (from 0, x then y) of ICRS degrees; NaN beyond 90 degrees of the tangent point."""
        x, y = _project(ra, dec, self.ra0, self.dec0, self.scale)
        return x + CENTRE - self.x0, y + CENTRE - self.y0

    def to_sky(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of patch pixels (from 0)."""
        dx = np.asarray(x, float) + self.x0 - CENTRE
        dy = np.asarray(y, float) + self.y0 - CENTRE
        return _deproject(dx, dy, self.ra0, self.dec0, self.scale)


def _project(
    ra: np.ndarray, dec: np.ndarray, ra0: float | np.ndarray, dec0: float | np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gnomonic pixel offsets from the tangent point, x to the west."""
    a = np.radians(np.asarray(ra, float) - ra0)
    d, d0 = np.radians(np.asarray(dec, float)), np.radians(dec0)
    sd, cd, sd0, cd0, ca = np.sin(d), np.cos(d), np.sin(d0), np.cos(d0), np.cos(a)
    w = sd0 * sd + cd0 * cd * ca
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.where(w > 0, np.degrees(1.0) * 3600.0 / scale / w, np.nan)
    return -k * cd * np.sin(a), k * (cd0 * sd - sd0 * cd * ca)


def _deproject(x: np.ndarray, y: np.ndarray, ra0: float, dec0: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    unit = np.radians(scale / 3600.0)
    xi, eta = -np.asarray(x) * unit, np.asarray(y) * unit
    d0 = np.radians(dec0)
    down = np.cos(d0) - eta * np.sin(d0)
    ra = ra0 + np.degrees(np.arctan2(xi, down))
    dec = np.degrees(np.arctan2(np.sin(d0) + eta * np.cos(d0), np.hypot(xi, down)))
    return ra % 360.0, dec


def tract_count() -> int:
    """How many tracts cover the sky."""
    return int(_FIRST[-1])


def tract_centre(tract: int) -> tuple[float, float]:
    """(ra, dec) in degrees of a tract's tangent point. Raises ValueError for a number that is none."""
    if not 0 <= tract < _FIRST[-1]:
        raise ValueError(f"there is no tract {tract}: tracts go from 0 to {_FIRST[-1] - 1}")
    ring = int(np.searchsorted(_FIRST, tract, side="right")) - 1
    ra = (ANCHOR_RA + 360.0 * (tract - int(_FIRST[ring])) / int(_IN_RING[ring])) % 360.0
    return float(ra), float(_RING_DEC[ring])


@lru_cache(maxsize=4096)
def patch_of(tract: int, patch: int) -> Patch:
    """The patch of those numbers. Patches count along x from the lower left corner: ``patch = 10 * iy + ix``.

    Raises ValueError when there is no such tract or patch.
    """
    ra0, dec0 = tract_centre(tract)
    if not 0 <= patch < GRID * GRID:
        raise ValueError(f"there is no patch {patch}: patches go from 0 to {GRID * GRID - 1}")
    iy, ix = divmod(patch, GRID)
    return Patch(int(tract), int(patch), ra0, dec0, ix * STEP, iy * STEP)


def tract_pixels(tract: int, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tract pixels (from 0, x then y) of ICRS degrees. Raises ValueError for a number that is none."""
    x, y = _project(ra, dec, *tract_centre(tract), SCALE)
    return x + CENTRE, y + CENTRE


def patch_at(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(tract, patch), int64, that own each position (ICRS degrees): every position has exactly one owner."""
    ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
    ring = np.clip(np.rint((dec - ANCHOR_DEC) / RING).astype(np.int64) - _K_MIN, 0, len(_RING_DEC) - 1)
    n = _IN_RING[ring]
    j = np.rint(((ra - ANCHOR_RA) % 360.0) / 360.0 * n).astype(np.int64) % n
    x, y = _project(ra, dec, (ANCHOR_RA + 360.0 * j / n) % 360.0, _RING_DEC[ring], SCALE)
    # Clipping only matters within two degrees of the north pole, where one tract is stretched over the cap.
    ix = np.clip(np.floor((x + CENTRE + 0.5 - BORDER) / STEP), 0, GRID - 1).astype(np.int64)
    iy = np.clip(np.floor((y + CENTRE + 0.5 - BORDER) / STEP), 0, GRID - 1).astype(np.int64)
    return _FIRST[ring] + j, iy * GRID + ix


def _disc(ra: float, dec: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions that fill a disc, edge included, a few arcminutes apart."""
    rings = max(3, int(np.ceil(radius / 0.05)))
    r = np.repeat(radius * np.arange(rings + 1) / rings, 64)
    t = np.tile(2 * np.pi * np.arange(64) / 64, rings + 1)
    return _deproject(r * np.cos(t) * 3600.0 / SCALE, r * np.sin(t) * 3600.0 / SCALE, ra, dec, SCALE)


def _touching(tract: int, ra: float, dec: float, radius: float) -> Iterator[Patch]:
    """Patches of one tract whose own (inner) square comes within ``radius`` of a position."""
    ra0, dec0 = tract_centre(tract)
    x, y = (float(v) + CENTRE for v in _project(np.float64(ra), np.float64(dec), ra0, dec0, SCALE))
    reach = radius * 3600.0 / SCALE * 1.001
    for number in range(GRID * GRID):
        item = patch_of(tract, number)
        low_x, low_y = item.x0 + BORDER - 0.5, item.y0 + BORDER - 0.5
        dx = max(low_x - x, 0.0, x - low_x - STEP)
        dy = max(low_y - y, 0.0, y - low_y - STEP)
        if np.hypot(dx, dy) <= reach:
            yield item


def patches_of(ra: float, dec: float, radius_deg: float) -> list[Patch]:
    """Every patch that owns a part of the disc (degrees), by tract then patch number."""
    tracts = np.unique(patch_at(*_disc(ra, dec, radius_deg))[0])
    return [item for tract in tracts for item in _touching(int(tract), ra, dec, radius_deg)]
