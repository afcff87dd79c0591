"""Matching positions: 1M by 1M within one arcsec, against astropy and stilts tmatch2, in one run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from portal.table.match import chance, match_positions

ROWS = 1_000_000
RADIUS = 1.0  # arcsec


def _skies() -> list[tuple[np.ndarray, np.ndarray]]:
    """Two square degrees seen twice, 0.1 arcsec off, a tenth of the sources anew."""
    rng = np.random.default_rng(3)
    ra, dec = 62 + rng.uniform(0, 1.25, ROWS), -37 + rng.uniform(0, 1, ROWS)
    other = [values + rng.normal(0, 0.1 / 3600, ROWS) for values in (ra, dec)]
    new = ROWS // 10
    other[0][:new], other[1][:new] = 62 + rng.uniform(0, 1.25, new), -37 + rng.uniform(0, 1, new)
    return [(ra, dec), (other[0], other[1])]


def _seconds(work) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _stilts(skies: list[tuple[np.ndarray, np.ndarray]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for at, (ra, dec) in enumerate(skies):
            names.append(Path(folder) / f"{at}.fits")
            Table({"ra": ra, "dec": dec}).write(names[-1])
        command = [
            "stilts", "tmatch2", f"in1={names[0]}", f"in2={names[1]}", "matcher=sky", f"params={RADIUS}",
            "values1=ra dec", "values2=ra dec", "find=best", "omode=count", "progress=none",
        ]  # fmt: skip
        return _seconds(lambda: subprocess.run(command, check=True, capture_output=True))


def run() -> dict[str, float | str]:
    skies = _skies()
    best = _seconds(lambda: match_positions(*skies, RADIUS, "best"))
    mutual = _seconds(lambda: match_positions(*skies, RADIUS, "mutual"))
    estimate = _seconds(lambda: chance(*skies, RADIUS, "best"))

    def nearest() -> None:
        a, b = (SkyCoord(*sky, unit="deg") for sky in skies)
        assert np.count_nonzero(a.match_to_catalog_sky(b)[1] < RADIUS * u.arcsec)

    found: dict[str, float | str] = {
        "nearest of 1M for each of 1M within 1 arcsec: seconds": best,
        "  astropy's time over ours": _seconds(nearest) / best,
        "with the estimate of chance from four moved skies: times the match": estimate / best,
    }
    if shutil.which("stilts"):
        found["nearest both ways: stilts tmatch2's time, with reading, over ours"] = _stilts(skies) / mutual
    else:
        found["stilts tmatch2"] = "not there: Debian's package stilts has it"
    return found
