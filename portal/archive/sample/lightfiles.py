"""The ForcedSource tables: blocks of forced photometry written as row groups, measured and written side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample.bands import BANDS, COADD_SEEING, FWHM_OVER_SIGMA
from portal.archive.sample.detection import Detected
from portal.archive.sample.variables import Variables
from portal.archive.sample.visits import Visits
from portal.archive.sample.visitsources import REACH, SourceFile
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


@dataclass(frozen=True)
class Places:
    """Whose light curves a file holds: rows ``own`` of the targets, in HEALPix order, and what is repeated of each.

    ``ra, dec`` are those of all targets (degrees), ``leaves`` the pixels of order 29 (from ... up to) of the tile.
    """

    own: np.ndarray
    parents: Mapping[str, np.ndarray]
    ra: np.ndarray
    dec: np.ndarray
    leaves: tuple[int, int]


def write_forced(
    path: Path,
    photometry: fp.ForcedPhotometry,
    targets: fp.Targets,
    places: Places,
    detector_type: Any,
    progress: Callable[[float], None] = lambda part: None,
    sources: SourceFile | None = None,
) -> dict[str, int]:
    """Write the forced photometry of all own targets in order.

    ``sources`` is shown every block of the sky, with the rows of all targets whose light may appear in it.
    """
    counts = photometry.counts(targets.x, targets.y)
    blocks = _blocks(counts[places.own], places)
    others = _visitors(blocks, places) if sources is not None else {}
    file = TableFile(path, whole=True)
    detectors = np.arange(photometry.visits.camera.detectors, dtype=detector_type)

    def write(made: dict[str, np.ndarray], rows: np.ndarray, start: int, stop: int) -> None:
        if len(others):
            # Visitors are targets of other tiles and of other blocks.
            place = np.searchsorted(places.own, rows) - start
            own = places.own[np.minimum(place + start, len(places.own) - 1)] == rows
            own &= (place >= 0) & (place < stop - start)
            if not own.all():
                kept = own[made["target"]]
                made = {name: values[kept] for name, values in made.items()}
            made = {**made, "target": place[made["target"]]}
        of_parent = {name: repeated(values[start:stop], made["target"]) for name, values in places.parents.items()}
        columns = measured_columns(made, photometry.visits)
        columns["detector"] = repeated(detectors, made["detector"])
        file.add({**of_parent, **columns})

    # One thread a file: blocks reach each file in order, and the two files are written side by side.
    with ThreadPoolExecutor(1, "forced") as first, ThreadPoolExecutor(1, "sources") as second:
        waiting: list[Future[None]] = []
        for number, (start, stop, leaves) in enumerate(blocks):
            rows = places.own[start:stop]
            if number in others:
                rows = np.sort(np.concatenate([rows, others[number]]))
            made = photometry.measure(targets, rows, int(counts[rows].sum()))
            for task in waiting:
                task.result()
            waiting = [first.submit(write, made, rows, start, stop)]
            if sources is not None:
                waiting.append(second.submit(sources.add, made, rows, leaves))
            progress((number + 1) / len(blocks))
        for task in waiting:
            task.result()
    return file.close()


def _blocks(counts: np.ndarray, places: Places) -> list[tuple[int, int, tuple[int, int]]]:
    """Own rows from ... up to with at most ROWS_PER_BLOCK light-curve points, and the pixels they stand for."""
    bounds = np.concatenate([[0], np.cumsum(counts)])
    cuts = [0]
    while cuts[-1] < len(counts) or len(cuts) == 1:
        cut = int(np.searchsorted(bounds, bounds[cuts[-1]] + ROWS_PER_BLOCK, side="right")) - 1
        cuts.append(min(max(cuts[-1] + 1, cut), len(counts)))
    leaf = places.parents["_healpix_29"]
    edges = [places.leaves[0], *leaf[cuts[1:-1]].tolist(), places.leaves[1]]
    return [(cuts[k], cuts[k + 1], (edges[k], edges[k + 1])) for k in range(len(cuts) - 1)]


def _visitors(blocks: list[tuple[int, int, tuple[int, int]]], places: Places) -> dict[int, np.ndarray]:
    """For each block the targets that are not its own and lie so near that a source of theirs may fall into it."""
    edges = np.array([blocks[0][2][0], *(leaves[1] for _, _, leaves in blocks)])
    home = np.full(len(places.ra), -1)
    for number, (start, stop, _) in enumerate(blocks):
        home[places.own[start:stop]] = number
    pairs = []
    for ra, dec in cells.around(places.ra, places.dec, REACH):
        block = np.searchsorted(edges, cells.leaf_of(ra, dec), side="right") - 1
        away = np.flatnonzero((block != home) & (block >= 0) & (block < len(blocks)))
        pairs.append(np.unique(block[away] * len(places.ra) + away))
    block, row = np.divmod(np.unique(np.concatenate(pairs)), len(places.ra))
    return {number: row[block == number] for number in np.unique(block).tolist()}
