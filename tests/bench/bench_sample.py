"""The sample sky: rows per second and bytes per row of each table, time of pixels, and GalSim on the same objects."""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import galsim
import numpy as np

from portal.archive.sample import visitsources
from portal.archive.sample.bands import BANDS, COADD_SEEING
from portal.archive.sample.build import build_sample
from portal.archive.sample.coadd import BLUR, FLOOR, RECIPES, places
from portal.archive.sample.draw import BULGE, PA, R_E, STAR, Q, draw_objects, optics
from portal.archive.sample.exposure import Exposures
from portal.archive.sample.geometry import Patch, patches_of
from portal.archive.sample.mixtures import MOFFAT_BETA
from portal.archive.sample.noise import pixel_noise
from portal.archive.sample.render import KINDS, SkyPixels
from portal.archive.sample.sources import Sources

PRESET = os.environ.get("TRIVIEW_BENCH_PRESET", "small")
SEED = 2026
OBJECTS = 1_500
BAND = "i"
# What the builder says it is at, and the tables that are made then.
STAGES = {
    "objects": ("Object", "_render", "_light"),
    "forced photometry": ("ForcedSource",),
    "difference imaging": ("DiaObject", "DiaSource", "ForcedSourceOnDiaObject"),
    "moving bodies": ("SSSource", "SSObject", "MPCORB", "_moving"),
    "truth": ("Truth", "MatchesTruth"),
    "visits": ("Visit", "CcdVisit", "CoaddPatches", "ObsCore", "_visits"),
}


def spent() -> float:
    """Processor seconds of this process and its children."""
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(item.ru_utime + item.ru_stime for item in both)


class Stopwatch:
    """Processor seconds by what the builder tells; told from one thread at a time."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._what, self._since = "start", spent()

    def __call__(self, what: str, part: float) -> None:
        now = spent()
        self.seconds[self._what] += now - self._since
        self._what, self._since = what, now


def timed_sources() -> tuple[Callable[[], None], list[float]]:
    """Watch the threads that make Source, which is written beside ForcedSource; (undo, seconds of each block)."""
    plain, seconds = visitsources.SourceFile.add, []

    def add(self: visitsources.SourceFile, *args: Any) -> None:
        begun = time.thread_time()
        plain(self, *args)
        seconds.append(time.thread_time() - begun)

    visitsources.SourceFile.add = add  # type: ignore[method-assign]

    def undo() -> None:
        visitsources.SourceFile.add = plain  # type: ignore[method-assign]

    return undo, seconds


def building(folder: Path) -> Iterator[tuple[str, str]]:
    """One build of the preset, after a tiny one that compiles."""
    build_sample("tiny", SEED, folder / "warm", processes=1)
    undo, of_sources = timed_sources()
    watch, begun = Stopwatch(), time.perf_counter()
    sample = build_sample(PRESET, SEED, folder, watch, processes=1)
    wall = time.perf_counter() - begun
    undo()
    tables = json.loads((sample / "manifest.json").read_text())["tables"]
    seconds = dict(watch.seconds)
    seconds["forced photometry"] = seconds.get("forced photometry", 0.0) - sum(of_sources)
    groups = {**STAGES, "sources": ("Source",)}
    seconds["sources"] = sum(of_sources)
    rows, size = sum(item["rows"] for item in tables.values()), sum(item["bytes"] for item in tables.values())
    yield (
        f"preset {PRESET} in one process: {rows:,} rows, {size / 1e6:.1f} MB",
        f"{wall:.1f} s wall, {sum(seconds.values()):.1f} s CPU",
    )
    yield "  stars, galaxies and what varies", f"{seconds.get('stars and galaxies', 0.0):.2f} s CPU"
    for what, names in groups.items():
        known = [name for name in names if name in tables]
        made = sum(tables[name]["rows"] for name in known)
        took = seconds.get(what, 0.0)
        if known:
            rate = f"{made / took:,.0f} rows/s" if took > 0.005 else "at once"
            yield f"  {', '.join(known)}", f"{took:.2f} s CPU, {rate}"
        for name in known:
            item = tables[name]
            each = item["bytes"] / max(item["rows"], 1)
            yield f"    {name}", f"{item['rows']:,} rows, {each:,.1f} bytes a row"


def median_ms(work: Callable[[int], object], times: int) -> float:
    """Processor time: drawing uses one thread, and a shared machine stretches wall time."""
    spans = []
    for turn in range(times):
        begun = time.process_time()
        work(turn)
        spans.append(1e3 * (time.process_time() - begun))
    return statistics.median(spans)


def rendering(sample: Path) -> Iterator[tuple[str, str]]:
    """Time of boxes of each kind, the small ones at places not drawn before."""
    pixels = SkyPixels(sample)
    pixels.warm()
    patch = patches_of(pixels.field.ra, pixels.field.dec, 1e-3)[0]
    exposures = Exposures(sample)
    exposure = next(found for found in (exposures.find(n, 4) for n in exposures.visits) if found.band == BAND)
    for kind in KINDS:
        where = patch if kind in RECIPES else exposure
        pixels.box(kind, where, BAND, 0, 0, 64, 64)
        corner = [(300 * (n % 9), 300 * (n // 9)) for n in range(27)]
        small = median_ms(lambda n, k=kind, w=where, c=corner: pixels.box(k, w, BAND, *c[n], 300, 300), 27)
        side = min(4000, where.nx, where.ny)
        large = median_ms(lambda n, k=kind, w=where, s=side: pixels.box(k, w, BAND, 0, 0, s, s), 3)
        yield f"{kind}: 300 x 300, {side} x {side}", f"{small:.1f} ms, {large / 1e3:.2f} s CPU"


def against_galsim(sample: Path) -> Iterator[tuple[str, str]]:
    """The same objects in one band, each onto the same noiseless image."""
    sources, pixels = Sources.open(sample), SkyPixels(sample)
    patch, band = patches_of(pixels.field.ra, pixels.field.dec, 1e-3)[0], BANDS.index(BAND)
    rows, place = _chosen(sources, patch)
    sigma = pixel_noise(float(RECIPES["deep_coadd"].psf_sigma[band]), float(COADD_SEEING[band]))
    opt, ours = optics(band), np.zeros((patch.ny, patch.nx))

    def draw() -> None:
        ours[...] = 0.0
        draw_objects(ours, patch.x0, patch.y0, rows, place, sources.shape, band, opt, BLUR, FLOOR * sigma)

    draw()
    mine = min(_seconds(draw) for _ in range(3))
    image = galsim.ImageD(patch.nx, patch.ny, scale=patch.scale, xmin=0, ymin=0)
    x, y = place[:, 0] - patch.x0, place[:, 1] - patch.y0
    theirs = _seconds(lambda: _galsim(image, sources.shape[rows], x, y, band))
    yield (
        f"{len(rows):,} objects of the catalogue in {BAND} against GalSim",
        f"{theirs / mine:.0f}x (CPU {mine:.3f} s against {theirs:.2f} s)",
    )
    yield "  light that both drew, ours over GalSim's", f"{ours.sum() / image.array.sum():.4f}"


def _chosen(sources: Sources, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Rows of OBJECTS within the patch, and their places on the tract's grid."""
    middle = patch.to_sky(patch.nx / 2, patch.ny / 2)
    rows = sources.near(float(middle[0]), float(middle[1]), 0.1)
    place = places(sources.position, rows, patch.ra0, patch.dec0, patch.scale)
    x, y = place[:, 0] - patch.x0, place[:, 1] - patch.y0
    # Faint enough that GalSim's stamps stay small; away from the rim, so that all light is counted.
    inside = (x > 100) & (x < patch.nx - 100) & (y > 100) & (y < patch.ny - 100)
    inside &= (sources.shape[rows, BANDS.index(BAND)] > 500) & (sources.shape[rows, BANDS.index(BAND)] < 1e5)
    return rows[inside][:OBJECTS], place[inside][:OBJECTS]


def _galsim(image: galsim.Image, shapes: np.ndarray, x: np.ndarray, y: np.ndarray, band: int) -> None:
    psf = galsim.Moffat(beta=MOFFAT_BETA, fwhm=float(COADD_SEEING[band]))
    for k, shape in enumerate(shapes):
        flux, position = float(shape[band]), galsim.PositionD(x[k], y[k])
        if shape[STAR] > 0.5 or shape[R_E] <= 0:
            profile = psf.withFlux(flux)
        else:
            size, bulge = float(shape[R_E]), float(shape[BULGE])
            light = galsim.Exponential(half_light_radius=size, flux=1 - bulge)
            if bulge > 0:
                light += galsim.DeVaucouleurs(half_light_radius=size, flux=bulge, trunc=8 * size)
            turned = light.shear(q=float(shape[Q]), beta=float(90 + shape[PA]) * galsim.degrees)
            profile = galsim.Convolve(turned, psf).withFlux(flux)
        stamp = profile.drawImage(scale=image.scale, center=position)
        common = stamp.bounds & image.bounds
        if common.isDefined():
            image[common] += stamp[common]


def _seconds(work: Callable[[], object]) -> float:
    begun = spent()
    work()
    return spent() - begun


def run() -> list[tuple[str, str]]:
    """(what was measured, figures)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = list(building(folder))
        sample = build_sample(PRESET, SEED, folder)
        return [*found, *rendering(sample), *against_galsim(sample)]


if __name__ == "__main__":
    for what, figure in run():
        print(f"{what:<72} {figure}")
