"""One detector of one visit as a pixel grid on the sky, and the list of all that a sample folder holds.

Knows when, where and under what sky it was taken; knows no pixels.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.wcs import WCS

from portal.archive.sample.bands import BANDS, flux_of
from portal.archive.sample.camera import CAMERAS, CCD_X, CCD_Y, SCALE, Camera
from portal.archive.sample.geometry import Outlined
from portal.errors import FormatError


@dataclass(frozen=True)
class Exposure(Outlined):
    """A detector's image: the same methods as ``geometry.Patch``. Pixels count from 0 at the lower left one's centre.

    ``ra0, dec0`` the boresight and ``rotation`` in degrees, ``mjd`` (TAI) mid exposure, ``cloud`` mag, ``sky`` mag
    per arcsec2, ``seeing`` FWHM in arcsec, ``depth`` 5-sigma AB, ``zero_point`` the AB magnitude of one adu;
    ``field`` and ``index``: which visit of which field of the sample.
    """

    visit: int
    detector: int
    band: str
    camera: Camera
    ra0: float
    dec0: float
    rotation: float
    mjd: float
    airmass: float
    cloud: float
    sky: float
    seeing: float
    depth: float
    zero_point: float
    field: int = 0
    index: int = 0
    nx: int = CCD_X
    ny: int = CCD_Y
    scale: float = SCALE

    @property
    def key(self) -> int:
        """A number of its own: the ccdVisitId."""
        return self.visit * 1000 + self.detector

    @property
    def sigma(self) -> float:
        """Background error of a PSF flux, nJy."""
        return float(flux_of(self.depth)) / 5.0

    @property
    def adu(self) -> float:
        """nJy of one adu."""
        return float(flux_of(self.zero_point))

    @cached_property
    def _wcs(self) -> WCS:
        return self.camera.wcs(self.ra0, self.dec0, self.rotation, self.detector)

    def wcs(self) -> WCS:
        """TAN WCS (its own copy)."""
        return self._wcs.deepcopy()

    def to_pixel(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (x then y) of ICRS degrees; NaN beyond 90 degrees of the boresight."""
        return self.camera.to_pixel(self.ra0, self.dec0, self.rotation, self.detector, ra, dec)

    def to_sky(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of pixels."""
        return self.camera.to_sky(self.ra0, self.dec0, self.rotation, self.detector, x, y)


def table_files(sample: Path, name: str) -> list[Path]:
    """The Parquet files of a table as the manifest lists them; none when the sample has no such table.

    A manifest without a list of tables (a folder made by hand) means ``<name>.parquet``.
    """
    tables = json.loads((sample / "manifest.json").read_text()).get("tables") or {}
    if name in tables:
        return [sample / "tables" / file for file in tables[name]["files"]]
    plain = sample / "tables" / f"{name}.parquet"
    return [plain] if not tables and plain.exists() else []


def read_columns(
    sample: Path, name: str, columns: Sequence[str], files: Sequence[Path] | None = None
) -> dict[str, Any]:
    """Columns of a table (or of some of its files) as Arrow arrays; empty when it is not there.

    Raises FormatError when it lacks one of them.
    """
    parts = []
    for file in table_files(sample, name) if files is None else files:
        with pq.ParquetFile(file) as handle:
            missing = sorted(set(columns) - set(handle.schema_arrow.names))
            if missing:
                raise FormatError(f"The sample's table {name} lacks {', '.join(missing)}.", "Build the sample again.")
            parts.append(handle.read(columns=list(columns)))
    if not parts:
        return {}
    whole = pa.concat_tables(parts)
    return {column: whole[column].combine_chunks() for column in columns}


def move_in(aside: Path, folder: Path) -> None:
    """Rename a finished folder of arrays ``<name>-<layout>`` into place; those of other layouts go."""
    try:
        os.rename(aside, folder)
    except OSError:  # another process was first
        shutil.rmtree(aside)
        if not (folder / "layout.json").exists():
            raise
    stem = folder.name.rpartition("-")[0]
    for other in folder.parent.glob(f"{stem}-*"):
        if other.name != folder.name and other.name.removeprefix(f"{stem}-").isdigit():
            shutil.rmtree(other, ignore_errors=True)


class Exposures:
    """Every visit of a sample folder; ``find`` gives its detectors. Read once, safe to share between threads."""

    _PLAIN = ("field", "index", "visit", "ra", "dec", "rotation", "mjd", "airmass", "cloud", "sky")
    _LISTS = ("seeing", "depth", "zeroPoint")

    def __init__(self, sample: Path) -> None:
        rows = read_columns(sample, "_visits", [*self._PLAIN, *self._LISTS, "band"])
        self._rows = {name: rows[name].to_numpy(zero_copy_only=False) for name in self._PLAIN} if rows else {}
        self._band = rows["band"].to_pylist() if rows else []
        n = len(self._band)
        self._lists = {name: rows[name].flatten().to_numpy().reshape(n, -1) if n else None for name in self._LISTS}
        self._row = {int(visit): k for k, visit in enumerate(self._rows["visit"])} if n else {}
        detectors = self._lists["seeing"].shape[1] if n else 0
        self._camera = next((camera for camera in CAMERAS.values() if camera.detectors == detectors), None)
        if n and self._camera is None:
            raise FormatError(f"No camera has {detectors} detectors.", "Build the sample again.")

    def __len__(self) -> int:
        return len(self._row)

    @property
    def visits(self) -> list[int]:
        """Visit numbers, in the order of the table."""
        return list(self._row)

    def find(self, visit: int, detector: int) -> Exposure:
        """The image of a detector. Raises KeyError when the sample has no such visit or detector."""
        k = self._row[visit]
        if self._camera is None or not 0 <= detector < self._camera.detectors:
            raise KeyError(f"visit {visit} has no detector {detector}")
        plain = {name: self._rows[name][k].item() for name in self._PLAIN}
        seeing, depth, zero_point = (float(self._lists[name][k, detector]) for name in self._LISTS)
        band = self._band[k]
        if band not in BANDS:
            raise KeyError(f"visit {visit} is in band {band!r}")
        return Exposure(
            visit=int(plain["visit"]), detector=int(detector), band=band, camera=self._camera,
            ra0=plain["ra"], dec0=plain["dec"], rotation=plain["rotation"], mjd=plain["mjd"],
            airmass=plain["airmass"], cloud=plain["cloud"], sky=plain["sky"], seeing=seeing, depth=depth,
            zero_point=zero_point, field=int(plain["field"]), index=int(plain["index"]),
        )  # fmt: skip
