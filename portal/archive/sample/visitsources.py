"""The Source table: what stands out of single visits, taken from the forced photometry as it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import BANDS, FWHM_OVER_SIGMA, PHYSICAL_FILTER, PIXEL_SCALE
from portal.archive.sample.detection import Detected, cell_numbers
from portal.archive.sample.streams import normal
from portal.archive.sample.writing import TableFile, as_double, keep_bits, repeated

THRESHOLD = 5.0
FLUX_BITS, ERROR_BITS, SHAPE_BITS = 12, 6, 6
# A position errs by so many arcsec at most, and by so many times its error: never further than REACH from its object.
LARGEST_ERROR, FARTHEST = 0.5, 5.0
REACH = 4.0


class SourceFile:
    """Collects the detections of the visits block by block. A block is a stretch of the sky in HEALPix order."""

    def __init__(self, path: Path, seed: int, found: Detected, visits: vis.Visits) -> None:
        self._file = TableFile(path, whole=True)
        self._seed, self._found, self._visits = seed, found, visits

    def add(self, made: Mapping[str, np.ndarray], objects: np.ndarray, leaves: tuple[int, int]) -> None:
        """Keep the rows above the threshold whose place lies in the block: pixels of order 29 from ... up to.

        ``objects`` are the objects that the targets of ``made`` stand for: all whose light may appear in the block.
        """
        seen = (made["psfFlux"] > THRESHOLD * made["psfFluxErr"]) & ((made["flags"] & fp.FLAG_NO_FLUX) == 0)
        rows = {name: values[seen] for name, values in made.items()}
        columns = self._columns(rows, objects[rows["target"]], leaves)
        if len(columns["sourceId"]) or not self._file.rows:
            self._file.add(columns)

    def close(self) -> dict[str, int]:
        return self._file.close()

    def _columns(self, rows: dict[str, np.ndarray], place: np.ndarray, leaves: tuple[int, int]) -> dict[str, Any]:
        v, d, visits, found = rows["visit"], rows["detector"].astype(np.int64), self._visits, self._found
        band = visits.band[v]
        ident = vis.image_numbers(visits, v, d) + cell_numbers(found.object_id[place])
        flux, err = rows["psfFlux"].astype(np.float64), rows["psfFluxErr"].astype(np.float64)
        seeing = visits.seeing[v, d]
        sigma2 = (seeing / FWHM_OVER_SIGMA) ** 2
        wide = found.width2[place, band]
        error = np.minimum(np.hypot(0.5 * seeing * err / flux, 0.008) * np.sqrt(1 + wide / (2 * sigma2)), LARGEST_ERROR)
        east, north = (
            np.clip(normal(self._seed, f"source/{name}", ident), -FARTHEST, FARTHEST) for name in ("east", "north")
        )
        ra, dec = cells.offset(found.ra[place], found.dec[place], error * east, error * north)
        leaf = cells.leaf_of(ra, dec)
        growth = 1 + wide / (2 * sigma2)
        aperture = flux * growth**0.8 + 2.4 * err * normal(self._seed, "source/ap", ident)
        extended = growth - 1 + 0.6 * err / flux * east > 0.03
        x, y = vis.pixels(visits, v, d, ra, dec)
        flags = rows["flags"]
        small = keep_bits(error / 3600, ERROR_BITS)
        columns: dict[str, Any] = {
            "sourceId": ident,
            "parentSourceId": np.zeros(len(ident), np.int64),
            "visit": v,
            "detector": d.astype(np.int32),
            "band": band,
            "physical_filter": band,
            "ra": ra,
            "dec": dec,
            "raErr": small,
            "decErr": small,
            "x": x,
            "y": y,
            "psfFlux": as_double(flux, FLUX_BITS),
            "psfFluxErr": as_double(err, ERROR_BITS),
            "calibFlux": as_double(aperture * 1.01, 10),
            "calibFluxErr": as_double(2.63 * err, ERROR_BITS),
            "ixxPSF": as_double(sigma2 / PIXEL_SCALE**2, SHAPE_BITS),
            "iyyPSF": as_double(sigma2 * 1.005 / PIXEL_SCALE**2, SHAPE_BITS),
            "extendedness": extended.astype(np.float64),
            "calib_psf_used": ~extended & (flux > 80 * err) & (found.family[place] == 1) & (flags == 0),
            "pixelFlags_cr": (flags & fp.FLAG_CR) != 0,
            "pixelFlags_edge": (flags & fp.FLAG_EDGE) != 0,
            "pixelFlags_interpolated": (flags & fp.FLAG_INTERPOLATED) != 0,
            "pixelFlags_saturated": (flags & fp.FLAG_SATURATED) != 0,
            "pixelFlags_saturatedCenter": (flags & fp.FLAG_SATURATED) != 0,
            "pixelFlags_suspectCenter": (flags & fp.FLAG_SUSPECT) != 0,
            "_healpix_29": leaf,
        }
        order = np.argsort(leaf, kind="stable")
        order = order[slice(*np.searchsorted(leaf[order], leaves))]
        columns = {name: values[order] for name, values in columns.items()}
        columns["visit"] = repeated(visits.visit, columns["visit"])
        columns["band"] = repeated(np.array(list(BANDS)), columns["band"])
        columns["physical_filter"] = repeated(np.array(PHYSICAL_FILTER), columns["physical_filter"])
        return columns
