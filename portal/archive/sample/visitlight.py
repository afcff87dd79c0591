"""What differs from visit to visit: variable light, bodies that move, and what difference imaging found by mistake.

Read once from the hidden tables into mapped arrays beside the sample; a table that is not there means no such light.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import NamedTuple

import numpy as np

from portal.archive.sample.exposure import Exposure, move_in, read_columns, table_files

LAYOUT = 2  # raise when the arrays change
# Values of DiaSource's hidden column _origin.
NOISE_PEAK, DIPOLE, ARTEFACT = 1, 2, 3
_FALSE = ("ra", "dec", "psfFlux", "dipoleLength", "dipoleAngle")
_FLAGS = ("pixelFlags_cr", "pixelFlags_crCenter", "pixelFlags_interpolated", "pixelFlags_interpolatedCenter")
_MOVING = ("ra", "dec", "flux", "rate", "angle")


class Points(NamedTuple):
    """Points of light: ``position`` (n, 2) in degrees and ``flux`` (n) in nJy above (or below) the mean."""

    position: np.ndarray
    flux: np.ndarray


class VisitLight:
    """Finds the light of one exposure. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._arrays = {file.stem: np.load(file, mmap_mode="r") for file in sorted(folder.glob("*.npy"))}

    @classmethod
    def open(cls, sample: Path) -> VisitLight:
        """The light of a sample folder; the arrays are made on first use. Raises FormatError for a bad table."""
        folder = sample / "pixels" / f"visits-{LAYOUT}"
        if not (folder / "layout.json").exists():
            _make(sample, folder)
        return cls(folder)

    def points(self, exposure: Exposure, radius: float) -> Points:
        """Variable stars, active nuclei and transients within ``radius`` degrees of the exposure's middle."""
        name = f"delta-{exposure.field}"
        if name not in self._arrays or exposure.index >= len(self._arrays[name]):
            return Points(np.zeros((0, 2)), np.zeros(0))
        near = self._near(f"unit-{exposure.field}", exposure, radius)
        flux = np.asarray(self._arrays[name][exposure.index])[near].astype(np.float64)
        return Points(np.asarray(self._arrays[f"position-{exposure.field}"])[near], flux)

    def _near(self, name: str, exposure: Exposure, radius: float) -> np.ndarray:
        here = _unit(*(np.atleast_1d(v) for v in exposure.centre()))[0]
        return np.flatnonzero(self._arrays[name] @ here > np.cos(np.radians(radius)))

    def moving(self, exposure: Exposure) -> np.ndarray:
        """Asteroids in this visit, rows of ra, dec (deg), flux (nJy), rate (deg/day), position angle (deg)."""
        return self._of("moving", exposure.visit, len(_MOVING))

    def false(self, exposure: Exposure) -> np.ndarray:
        """False detections, rows of ra, dec (deg), psfFlux (nJy), dipole length (pixels) and angle (deg), origin."""
        return self._of("false", exposure.key, len(_FALSE) + 1)

    def flagged(self, exposure: Exposure) -> np.ndarray:
        """Detections with repaired pixels, rows of ra, dec (deg), then 0 or 1: cosmic ray in the footprint, in the
        centre, interpolated pixels in the footprint, in the centre.
        """
        return self._of("flagged", exposure.key, 2 + len(_FLAGS))

    def _of(self, name: str, key: int, columns: int) -> np.ndarray:
        if f"{name}-key" not in self._arrays:
            return np.zeros((0, columns))
        first, last = np.searchsorted(self._arrays[f"{name}-key"], [key, key + 1])
        return np.array(self._arrays[name][first:last])


def _unit(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 3) of degrees."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)


def _floats(rows: dict, names: tuple[str, ...]) -> np.ndarray:
    return np.stack([rows[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in names], axis=1)


def _light(sample: Path) -> dict[str, np.ndarray]:
    """Arrays of ``_light`` by field, a visit's fluxes side by side."""
    out: dict[str, np.ndarray] = {}
    rows: dict[int, list] = {}
    for file in table_files(sample, "_light"):
        part = read_columns(sample, "_light", ["field", "ra", "dec", "delta"], [file])
        if len(part["field"]) == 0:
            continue
        # All rows of one file belong to one field: the lists have one length.
        delta = part["delta"].flatten().to_numpy().reshape(len(part["field"]), -1)
        rows.setdefault(part["field"][0].as_py(), []).append((_floats(part, ("ra", "dec")), delta))
    for field, parts in rows.items():
        out[f"position-{field}"] = np.concatenate([position for position, _ in parts])
        out[f"unit-{field}"] = _unit(*out[f"position-{field}"].T)
        out[f"delta-{field}"] = np.ascontiguousarray(np.concatenate([delta for _, delta in parts]).T, np.float32)
    return out


def _make(sample: Path, folder: Path) -> None:
    """Write the arrays aside and rename them into place."""
    arrays = _light(sample)
    rows = read_columns(sample, "_moving", ["visit", *_MOVING])
    if rows:
        visit = rows["visit"].to_numpy()
        order = np.argsort(visit, kind="stable")
        arrays["moving-key"], arrays["moving"] = visit[order], _floats(rows, _MOVING)[order]
    rows = read_columns(sample, "DiaSource", ["visit", "detector", "_origin", *_FALSE, *_FLAGS])
    if rows:
        origin = rows["_origin"].to_numpy()
        key = rows["visit"].to_numpy() * 1000 + rows["detector"].to_numpy()
        false = np.column_stack([_floats(rows, _FALSE), origin])
        flagged = np.column_stack([_floats(rows, ("ra", "dec")), _floats(rows, _FLAGS)])
        for name, values, wanted in (
            ("false", false, (origin >= NOISE_PEAK) & (origin <= ARTEFACT)),
            ("flagged", flagged, (flagged[:, 2:] > 0).any(axis=1)),
        ):
            chosen = np.flatnonzero(wanted)
            chosen = chosen[np.argsort(key[chosen], kind="stable")]
            arrays[f"{name}-key"], arrays[name] = key[chosen], values[chosen]
    aside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    for name, values in arrays.items():
        np.save(aside / f"{name}.npy", values)
    (aside / "layout.json").write_text(json.dumps({"layout": LAYOUT}))
    move_in(aside, folder)
