"""Where the detectors of a set of visits lie on the sky, and what exposures and detectors are called."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.camera import CCD_X, CCD_Y, Camera
from portal.archive.sample.visits import Visits

# The outer corners in pixels (from 0), from the lower left counterclockwise on the pixel grid.
CORNERS = ((-0.5, -0.5), (CCD_X - 0.5, -0.5), (CCD_X - 0.5, CCD_Y - 0.5), (-0.5, CCD_Y - 0.5))
CENTRE = ((CCD_X - 1) / 2, (CCD_Y - 1) / 2)
RAFT = 3  # detectors on a side of a raft
_LETTERS = {"LSSTComCam": "CC", "LSSTCam": "MC"}


def detector_rows(v: Visits) -> tuple[np.ndarray, np.ndarray]:
    """(visit index, detector) of every detector image, by visit then detector."""
    n = v.camera.detectors
    return np.repeat(np.arange(len(v)), n), np.tile(np.arange(n), len(v))


def on_sky(v: Visits, i: np.ndarray, d: np.ndarray, at: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """ICRS degrees of a pixel (from 0) of detectors ``d`` on the visits of index ``i``."""
    return v.camera.to_sky(v.ra[i], v.dec[i], v.rotation[i], d, *at)


def outlines(v: Visits, i: np.ndarray, d: np.ndarray) -> list[str]:
    """s_region of detector images: ``POLYGON ICRS ra dec ...`` of their corners, degrees."""
    corners = [angle for at in CORNERS for angle in on_sky(v, i, d, at)]
    form = "POLYGON ICRS " + " ".join(["%.7f"] * len(corners))
    return [form % row for row in zip(*(angle.tolist() for angle in corners))]


def detector_names(camera: Camera) -> list[str]:
    """Names by detector number as Rubin forms them, R<raft>_S<sensor>. A camera of one raft is the middle one."""
    row, column = np.nonzero(camera.grid >= 0)
    shift = (2 - camera.side // RAFT // 2) * RAFT
    row, column = row + shift, column + shift
    return [
        f"R{y // RAFT}{x // RAFT}_S{y % RAFT}{x % RAFT}" for y, x in zip(row.tolist(), column.tolist())
    ]  # fmt: skip


def exposure_names(v: Visits) -> list[str]:
    """Names of the visits as Rubin forms them: camera, controller, observing day and number."""
    letters = _LETTERS.get(v.camera.name, "XX")
    return [f"{letters}_O_{number // 100000}_{number % 100000:06d}" for number in v.visit.tolist()]
