"""The objects that can be drawn: read once from the table ``_render``, kept as mapped arrays, found by place.

Knows positions, shapes and how far each object's light reaches; knows no pixels.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

from portal.archive.sample.bands import BANDS
from portal.archive.sample.draw import optics, reaches
from portal.archive.sample.exposure import move_in, read_columns
from portal.archive.sample.noise import brightness_sigma
from portal.errors import FormatError

LAYOUT = 8  # raise when the arrays change
# Objects are searched in classes of reach (arcsec), so that one bright star does not widen every search.
CLASSES = (8.0, 16.0, 32.0, 64.0, np.inf)
SLACK = 1e-5  # degrees, for the rounding of cosines near 1
FEW = 20_000  # rows of a class that are sooner measured one by one than found in HEALPix
# The faintest level ever drawn, in units of a coadd pixel's noise: what coarse tiles, with little noise, can show.
FAINTEST = 3e-4
# nJy: fainter stars fill no pixel of a visit, however sharp.
BRIGHT = 2.0e5
FLOAT_COLUMNS = (*(f"flux_{band}" for band in BANDS), "r_e", "bulge", "q", "pa", "is_star")


class Sources:
    """Arrays sorted by HEALPix: ``position`` (n, 2) deg, ``shape`` (n, 11) float32, ``pixel`` (n) at order 29."""

    def __init__(self, folder: Path) -> None:
        self.position = np.load(folder / "position.npy", mmap_mode="r")
        self.shape = np.load(folder / "shape.npy", mmap_mode="r")
        self.pixel = np.load(folder / "pixel.npy", mmap_mode="r")
        reach = np.load(folder / "reach.npy", mmap_mode="r")
        self.largest = float(reach.max()) if len(reach) else 0.0
        # Rows of each class but the first (nearly all), in catalogue order.
        kind = np.searchsorted(CLASSES[:-1], reach)
        self._rows = [np.nonzero(kind == k)[0].astype(np.uint32) for k in range(len(CLASSES))]
        self._pixels = [self.pixel[rows] for rows in self._rows]
        self._units = [unit_vectors(*self.position[rows].T) if len(rows) < FEW else None for rows in self._rows]
        self._bright = np.load(folder / "bright.npy", mmap_mode="r")
        self._bright_units = unit_vectors(*self.position[self._bright].T)

    def __len__(self) -> int:
        return len(self.pixel)

    @classmethod
    def open(cls, sample: Path) -> Sources:
        """The objects of a sample folder; the arrays are made beside it on first use.

        Raises FormatError when the table ``_render`` is not there or lacks a column.
        """
        folder = sample / "pixels" / f"sources-{LAYOUT}"
        if not (folder / "layout.json").exists():
            _make(sample, folder)
        return cls(folder)

    def near(self, ra: float, dec: float, radius: float, stretch: float = 1.0) -> np.ndarray:
        """Rows (ascending) of all objects whose light can reach into a disc (degrees), and some others.

        ``stretch`` is how many times worse than on a coadd the seeing is.
        """
        found = []
        here = unit_vectors(ra, dec)
        for rows, pixels, units, reach in zip(self._rows, self._pixels, self._units, CLASSES):
            wide = radius + stretch * min(reach, self.largest) / 3600.0
            if units is not None:
                found.append(rows[units @ here > np.cos(np.radians(min(wide + SLACK, 180.0)))])
            else:
                found.extend(rows[first:last] for first, last in _ranges(pixels, ra, dec, wide))
        return np.sort(np.concatenate(found)).astype(np.int64)

    def bright(self, ra: float, dec: float, radius: float) -> np.ndarray:
        """Rows (ascending) of the stars in a disc (degrees) that can fill a pixel of a visit."""
        near = self._bright_units @ unit_vectors(ra, dec) > np.cos(np.radians(radius))
        return np.asarray(self._bright[near], np.int64)


def unit_vectors(ra: np.ndarray | float, dec: np.ndarray | float) -> np.ndarray:
    """Unit vectors (..., 3) of degrees."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def _ranges(pixels: np.ndarray, ra: float, dec: float, radius: float) -> np.ndarray:
    """Slices (n, 2) of the sorted ``pixels`` (order 29) that cover a disc in degrees."""
    if radius > 20.0:
        return np.array([[0, len(pixels)]])
    # Cells of about a quarter of the radius; the disc is widened by a cell, so that every cell it touches is listed.
    order = int(np.clip(np.floor(np.log2(58.6 / max(radius / 4.0, 1e-5))), 0, 20))
    grid = HEALPix(nside=2**order, order="nested")
    cell = 58.6 / 2**order
    cells = np.sort(grid.cone_search_lonlat(ra * u.deg, dec * u.deg, (radius + cell) * u.deg).astype(np.int64))
    cuts = np.nonzero(np.diff(cells) > 1)[0] + 1
    first = cells[np.concatenate([[0], cuts])]
    last = cells[np.concatenate([cuts - 1, [len(cells) - 1]])] + 1
    shift = 2 * (29 - order)
    ends = np.searchsorted(pixels, np.stack([first, last], axis=1) << shift)
    return ends[ends[:, 1] > ends[:, 0]]


def _make(sample: Path, folder: Path) -> None:
    """Write the arrays of ``_render`` aside and rename them into place."""
    rows = read_columns(sample, "_render", ["ra", "dec", *FLOAT_COLUMNS])
    if not rows:
        raise FormatError("The sample sky has no table of objects to draw.", f"Build the sample again: {sample}")
    position = np.stack([rows["ra"].to_numpy(), rows["dec"].to_numpy()], axis=1).astype(np.float64)
    shape = np.stack([rows[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in FLOAT_COLUMNS], axis=1)
    # A hole in the table must not become a hole in the sky.
    shape = np.nan_to_num(shape, nan=0.0, posinf=0.0, neginf=0.0)
    shape[:, 7] = np.clip(shape[:, 7], 0.0, 1.0)
    shape[:, 8] = np.clip(shape[:, 8], 0.05, 1.0)
    pixel = HEALPix(nside=2**29, order="nested").lonlat_to_healpix(position[:, 0] * u.deg, position[:, 1] * u.deg)
    order = np.argsort(pixel, kind="stable")
    position, shape, pixel = position[order], shape[order], pixel[order].astype(np.int64)
    reach = np.zeros(len(position))
    for k, floor in enumerate(brightness_sigma() * FAINTEST):
        reaches(shape, k, optics(k), float(floor), reach)
    bright = np.flatnonzero((shape[:, 10] > 0.5) & (shape[:, :6] > BRIGHT).any(axis=1))
    aside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    for name, values in (("position", position), ("shape", shape), ("pixel", pixel)):
        np.save(aside / f"{name}.npy", values)
    np.save(aside / "reach.npy", reach.astype(np.float32))
    np.save(aside / "bright.npy", bright)
    (aside / "layout.json").write_text(json.dumps({"layout": LAYOUT, "objects": len(position)}))
    move_in(aside, folder)
