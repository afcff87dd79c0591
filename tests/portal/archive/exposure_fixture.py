"""A small sky seen by three visits, with known stars, a supernova, an asteroid and false detections."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from portal.archive.sample.camera import COMCAM
from portal.archive.sample.coadd import Box
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.mixtures import mixture, sharpness  # noqa: F401 - for the tests
from portal.archive.sample.render import SkyPixels

_spec = importlib.util.spec_from_file_location("sky_fixture", Path(__file__).with_name("sky_fixture.py"))
sky_fixture = sys.modules.setdefault("sky_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sky_fixture)

RA, DEC = sky_fixture.CENTRE
RADIUS = 0.2  # degrees: the middle detector of the first two visits lies inside
VISITS = (2026010100041, 2026010100043, 2026010200050)
BANDS = ("r", "i", "g")
BORESIGHTS = ((RA, DEC, 33.0), (RA + 0.004, DEC - 0.003, 214.0), (RA + 0.25, DEC, 80.0))
SEEING = (0.8, 1.3, 1.0)
DETECTOR = 4


def at(number: int, x: float, y: float) -> tuple[float, float]:
    """ICRS degrees of a pixel of the middle detector in a visit (by its place in VISITS)."""
    ra, dec = COMCAM.to_sky(*BORESIGHTS[number], DETECTOR, x, y)
    return float(ra), float(dec)


def star(x: float, y: float, flux: float, **more: object) -> dict:
    """A star (or other object) at a pixel of the first visit."""
    ra, dec = at(0, x, y)
    return {"ra": ra, "dec": dec, "flux": flux, **more}


SUPERNOVA = (2500.3, 1200.6, 3.0e4)  # pixel and flux (nJy) in the first visit; not there in the second
ASTEROID = (1500.0, 2600.0, 8.0e4, 2.7, 70.0)  # pixel, nJy, deg/day, position angle: 16.9 pixels in 30 s
# Pixel of the first visit, psfFlux, dipole length (pixels) and angle, origin.
FALSE = ((2100.4, 2700.2, 2500.0, np.nan, np.nan, 1), (1300.0, 900.0, -3000.0, 2.2, 40.0, 2),
         (2800.7, 2300.1, 6000.0, np.nan, np.nan, 3))  # fmt: skip
GRID = [(600.0 + 260.37 * i, 520.0 + 243.71 * j) for i in range(11) for j in range(2)]


def psf(seeing: float, x: float, y: float, half: int) -> np.ndarray:
    """The star of flux 1 that images are drawn with, (2 half + 1) pixels a side about (half + x, half + y)."""
    weight, variance = mixture("moffat")
    step = np.arange(-half, half + 1)
    out = np.zeros((len(step), len(step)))
    for w, v in zip(weight, variance * (seeing / 0.2) ** 2 + 1 / 12):
        along = [np.exp(-0.5 * (step - shift) ** 2 / v) for shift in (y, x)]
        out += w / (2 * np.pi * v) * np.outer(*along)
    return out


def psf_flux(box: Box, seeing: float, x: float, y: float) -> tuple[float, float]:
    """Unweighted PSF flux and its error, nJy, at (x, y) from the middle pixel of a box of odd size."""
    model = psf(seeing, x, y, box.image.shape[0] // 2)
    good = np.isfinite(box.image)
    model = np.where(good, model, 0.0)
    total = (model**2).sum()
    error = np.sqrt((model**2 * np.where(good, box.variance, 0.0)).sum()) / total
    return float((model * np.where(good, box.image, 0.0)).sum() / total), float(error)


def fitted(sky: SkyPixels, kind: str, exposure: Exposure, x: float, y: float, half: int = 14) -> tuple[float, float]:
    """PSF flux and error at a pixel position of an exposure."""
    ix, iy = round(x), round(y)
    box = sky.box(kind, exposure, exposure.band, ix - half, iy - half, 2 * half + 1, 2 * half + 1)
    return psf_flux(box, exposure.seeing, x - ix, y - iy)


def write(folder: Path) -> Path:
    """The sample folder."""
    stars = [star(x, y, 1.5e5) for x, y in GRID]
    others = [
        star(1900.0, 1900.0, 4e7),
        star(3000.0, 3000.0, 3e6),
        star(2200.0, 1500.0, 5e5, is_star=False, r_e=1.1, q=0.6, pa=35.0),
    ]
    sky_fixture.write_sky(folder, [*stars, *others, *sky_fixture.crowd(400, 0.1, seed=8)[200:]], RADIUS)
    n = len(VISITS)
    visits = {
        "field": np.zeros(n, np.int32), "index": np.arange(n, dtype=np.int32), "visit": np.array(VISITS),
        "band": list(BANDS),
        **{name: [place[k] for place in BORESIGHTS] for k, name in enumerate(("ra", "dec", "rotation"))},
        "mjd": 61041.1 + 0.4 * np.arange(n), "airmass": np.full(n, 1.2), "cloud": np.zeros(n), "sky": np.full(n, 20.8),
        "seeing": [[seeing] * 9 for seeing in SEEING], "depth": [[24.3] * 9, [23.6] * 9, [24.6] * 9],
        "zeroPoint": [[31.2] * 9, [31.0] * 9, [31.4] * 9],
    }  # fmt: skip
    ra, dec = at(0, *SUPERNOVA[:2])
    light = {"tid": [1], "field": np.zeros(1, np.int32), "ra": [ra], "dec": [dec], "render_id": [0], "kind": ["SNIa"],
             "delta": pa.array([[SUPERNOVA[2], 0.0, 0.0]], pa.list_(pa.float32(), 3))}  # fmt: skip
    ra, dec = at(0, *ASTEROID[:2])
    moving = {"ssObjectId": [77], "visit": [VISITS[0]], "ra": [ra], "dec": [dec], "flux": [ASTEROID[2]],
              "rate": [ASTEROID[3]], "angle": [ASTEROID[4]]}  # fmt: skip
    places = [at(0, *row[:2]) for row in FALSE]
    found = {
        "visit": np.full(len(FALSE), VISITS[0]), "detector": np.full(len(FALSE), DETECTOR, np.int64),
        "ra": [place[0] for place in places], "dec": [place[1] for place in places],
        **{name: [row[k] for row in FALSE] for k, name in ((2, "psfFlux"), (3, "dipoleLength"), (4, "dipoleAngle"))},
        "pixelFlags_cr": [False, False, True],
        "pixelFlags_crCenter": [False, False, False],
        "pixelFlags_interpolated": [True, False, True],
        "pixelFlags_interpolatedCenter": [True, False, False],
        "_origin": np.array([row[5] for row in FALSE], np.int8),
    }  # fmt: skip
    for name, columns in (("_visits", visits), ("_light", light), ("_moving", moving), ("DiaSource", found)):
        pq.write_table(pa.table(columns), folder / "tables" / f"{name}.parquet")
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("_visits", "_light", "_moving", "DiaSource"):
        manifest["tables"][name] = {"rows": 0, "bytes": 0, "files": [f"{name}.parquet"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
