"""The ForcedSource tables: blocks of forced photometry written as row groups, measured and written side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import forced as fp
from portal.archive.sample.bands import BANDS, COADD_SEEING, FWHM_OVER_SIGMA
from portal.archive.sample.detection import Detected
from portal.archive.sample.variables import Variables
from portal.archive.sample.visits import Visits
from portal.archive.sample.writing import ERROR_BITS, FLUX_BITS, TableFile, keep_bits, repeated

ROWS_PER_BLOCK = 262144


def object_targets(sky: dict[str, np.ndarray], found: Detected, variables: Variables, n_visits: int) -> fp.Targets:
    """What forced photometry meets at each object: its mean light and the changes of whatever varies in it."""
    place = found.of_sky[variables.source]
    held = np.flatnonzero(place >= 0)
    hosts, row = np.unique(place[held], return_inverse=True)
    delta = np.zeros((len(hosts), n_visits))
    dx = (variables.ra[held] - found.ra[place[held]]) * 3600 * np.cos(np.radians(found.dec[place[held]]))
    dy = (variables.dec[held] - found.dec[place[held]]) * 3600
    sigma2 = (float(np.mean(COADD_SEEING)) / FWHM_OVER_SIGMA) ** 2
    share = np.where(variables.is_supernova[held], np.exp(-(dx**2 + dy**2) / (4 * sigma2)), 1.0)
    np.add.at(delta, row, share[:, None] * variables.delta[held])
    light = np.full(len(found), -1, dtype=np.int64)
    light[hosts] = np.arange(len(hosts))
    return fp.Targets(sky["tid"][found.rows], found.x, found.y, found.flux, found.width2, light, delta)


def flag_columns(flags: np.ndarray) -> dict[str, Any]:
    """The boolean columns of ForcedSource out of the bits of the kernel."""
    never = pa.array(np.zeros(len(flags), dtype=bool))

    def bit(mask: int) -> np.ndarray:
        return (flags & np.uint8(mask)) != 0

    return {
        "psfFlux_flag": bit(fp.FLAG_NO_FLUX),
        "psfDiffFlux_flag": bit(fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE),
        "diff_PixelFlags_nodataCenter": bit(fp.FLAG_NO_TEMPLATE),
        "pixelFlags_bad": never,
        "pixelFlags_cr": bit(fp.FLAG_CR),
        "pixelFlags_crCenter": bit(fp.FLAG_CR_CENTER),
        "pixelFlags_edge": bit(fp.FLAG_EDGE),
        "pixelFlags_interpolated": bit(fp.FLAG_INTERPOLATED),
        "pixelFlags_interpolatedCenter": bit(fp.FLAG_CR_CENTER),
        "pixelFlags_nodata": never,
        "pixelFlags_saturated": bit(fp.FLAG_SATURATED),
        "pixelFlags_saturatedCenter": bit(fp.FLAG_SATURATED),
        "pixelFlags_suspect": bit(fp.FLAG_SUSPECT),
        "pixelFlags_suspectCenter": bit(fp.FLAG_SUSPECT),
        "invalidPsfFlag": never,
    }


def measured_columns(made: Mapping[str, np.ndarray], visits: Visits) -> dict[str, Any]:
    """Visit, band, fluxes (NaN where flagged) and flags of measured rows."""
    no_flux = (made["flags"] & fp.FLAG_NO_FLUX) != 0
    no_diff = (made["flags"] & (fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE)) != 0
    nan = np.float32(np.nan)
    return {
        "visit": repeated(visits.visit, made["visit"]),
        "detector": made["detector"],
        "band": repeated(np.array(list(BANDS)), visits.band[made["visit"]]),
        "psfFlux": np.where(no_flux, nan, keep_bits(made["psfFlux"], FLUX_BITS)),
        "psfFluxErr": np.where(no_flux, nan, keep_bits(made["psfFluxErr"], ERROR_BITS)),
        "psfDiffFlux": np.where(no_diff, nan, keep_bits(made["psfDiffFlux"], FLUX_BITS)),
        "psfDiffFluxErr": np.where(no_diff, nan, keep_bits(made["psfDiffFluxErr"], ERROR_BITS)),
        **flag_columns(made["flags"]),
    }


def write_forced(
    path: Path,
    photometry: fp.ForcedPhotometry,
    targets: fp.Targets,
    parents: Mapping[str, np.ndarray],
    detector_type: Any,
    progress: Callable[[float], None] = lambda part: None,
    also: Callable[[dict[str, np.ndarray], int], None] | None = None,
) -> dict[str, int]:
    """Write forced photometry of all targets in order. ``parents`` are columns repeated from the target.

    ``also`` is shown every block, with the number of its first target.
    """
    counts = photometry.counts(targets.x, targets.y)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    file = TableFile(path)
    detectors = np.arange(photometry.visits.camera.detectors, dtype=detector_type)

    def write(made: dict[str, np.ndarray], start: int, stop: int) -> None:
        of_parent = {name: repeated(values[start:stop], made["target"]) for name, values in parents.items()}
        columns = measured_columns(made, photometry.visits)
        columns["detector"] = repeated(detectors, made["detector"])
        file.add({**of_parent, **columns})

    # One thread a file: blocks reach each file in order, and the two files are written side by side.
    with ThreadPoolExecutor(1, "forced") as first, ThreadPoolExecutor(1, "sources") as second:
        waiting: list[Future[None]] = []
        start, total = 0, len(counts)
        while start < total:
            stop = max(start + 1, int(np.searchsorted(bounds, bounds[start] + ROWS_PER_BLOCK, side="right")) - 1)
            made = photometry.measure(targets, start, stop, int(bounds[stop] - bounds[start]))
            for task in waiting:
                task.result()
            waiting = [first.submit(write, made, start, stop)]
            if also is not None:
                waiting.append(second.submit(also, made, start))
            start = stop
            progress(start / total)
        for task in waiting:
            task.result()
    return file.close()
