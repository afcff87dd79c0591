"""Cameras: where detectors lie in the focal plane, and the exact map between their pixels and the sky.

Every exposure is a TAN projection about its boresight. At rotation 0 detector x runs to the west and y to the
north, so images have the parity of the sky; ``rotation`` turns y from north through east (degrees).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.wcs import WCS

SCALE = 0.2  # arcsec per pixel
CCD_X, CCD_Y = 4072, 4000  # pixels
GAP_X, GAP_Y = 25.0, 22.0  # arcsec between neighbouring detectors
PITCH_X, PITCH_Y = CCD_X * SCALE + GAP_X, CCD_Y * SCALE + GAP_Y  # arcsec from centre to centre
_ARCSEC = np.degrees(1.0) * 3600.0


@dataclass(frozen=True)
class Camera:
    """A square mosaic of ``side`` x ``side`` detectors without ``corner`` x ``corner`` of them in each corner.

    Detectors are numbered from 0 along rows of rising y, and along x in a row.
    """

    name: str
    side: int
    corner: int = 0

    @cached_property
    def grid(self) -> np.ndarray:
        """Detector number at (row, column) of the mosaic, -1 where there is none; (side, side)."""
        last = self.side - self.corner
        out = np.full((self.side, self.side), -1, np.int64)
        number = 0
        for row in range(self.side):
            for column in range(self.side):
                if (row < self.corner or row >= last) and (column < self.corner or column >= last):
                    continue
                out[row, column] = number
                number += 1
        return out

    @cached_property
    def detectors(self) -> int:
        return int((self.grid >= 0).sum())

    @cached_property
    def centres(self) -> np.ndarray:
        """Centres of the detectors in the focal plane along camera x and y, arcsec, (detectors, 2)."""
        row, column = np.nonzero(self.grid >= 0)
        middle = (self.side - 1) / 2
        return np.stack([(column - middle) * PITCH_X, (row - middle) * PITCH_Y], axis=1)

    @property
    def radius_deg(self) -> float:
        """Radius of the circle about all detectors."""
        reach = np.abs(self.centres) + np.array([PITCH_X, PITCH_Y]) / 2
        return float(np.hypot(reach[:, 0], reach[:, 1]).max()) / 3600.0

    def to_pixel(self, ra0, dec0, rotation, detector, ra, dec) -> tuple[np.ndarray, np.ndarray]:
        """Detector pixels (from 0 at the centre of the lower left one) of ICRS degrees; arrays broadcast.

        NaN a quarter of the sky and more from the boresight.
        """
        a, d, d0 = np.radians(np.asarray(ra) - ra0), np.radians(dec), np.radians(dec0)
        w = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(w > 0, _ARCSEC / w, np.nan)
        east = scale * np.cos(d) * np.sin(a)
        north = scale * (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a))
        c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
        centre = self.centres[detector]
        x = (-east * c + north * s - centre[..., 0]) / SCALE + (CCD_X - 1) / 2
        y = (east * s + north * c - centre[..., 1]) / SCALE + (CCD_Y - 1) / 2
        return x, y

    def to_sky(self, ra0, dec0, rotation, detector, x, y) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of detector pixels (from 0); arrays broadcast."""
        centre = self.centres[detector]
        u = (np.asarray(x) - (CCD_X - 1) / 2) * SCALE + centre[..., 0]
        v = (np.asarray(y) - (CCD_Y - 1) / 2) * SCALE + centre[..., 1]
        c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
        east, north = (-u * c + v * s) / _ARCSEC, (u * s + v * c) / _ARCSEC
        d0 = np.radians(dec0)
        down = np.cos(d0) - north * np.sin(d0)
        ra = ra0 + np.degrees(np.arctan2(east, down))
        dec = np.degrees(np.arctan2(np.sin(d0) + north * np.cos(d0), np.hypot(east, down)))
        return ra % 360.0, dec

    def wcs(self, ra0: float, dec0: float, rotation: float, detector: int) -> WCS:
        """The same map as a FITS WCS (RA---TAN, CRVAL the boresight)."""
        c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.crval = [ra0, dec0]
        wcs.wcs.crpix = (np.array([CCD_X + 1, CCD_Y + 1]) / 2 - self.centres[detector] / SCALE).tolist()
        wcs.wcs.cd = np.array([[-c, s], [s, c]]) * SCALE / 3600.0
        wcs.wcs.radesys = "ICRS"
        wcs.wcs.set()
        return wcs


COMCAM = Camera("LSSTComCam", 3)
LSSTCAM = Camera("LSSTCam", 15, 3)
CAMERAS = {camera.name: camera for camera in (COMCAM, LSSTCAM)}
