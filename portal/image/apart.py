"""Images of unknown origin, read in a process of its own, bounded in memory and time; the portal goes on.

Raises FormatError for a file at fault (also when its reader died of it), LimitError for one beyond the limits,
CancelledError when ``stop`` was set. Starting the process takes about a second: use a worker thread.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from portal.errors import CancelledError, FormatError, LimitError
from portal.image.headers import Card
from portal.image.masks import MaskBit
from portal.image.planes import PLANES, Lsst, Planes
from portal.image.world import from_plain

ROOT = Path(__file__).resolve().parents[2]
GLANCE = 0.02  # seconds between looks at the process
MOST_WORDS = 64 << 20  # bytes of its description of a file: headers, mostly


class Limits(NamedTuple):
    """Bounds of the process: bytes and seconds."""

    memory: int = 3 << 30  # beyond that of Python and its libraries; the largest image takes 1 GiB, and a copy
    processor: int = 120  # seconds; 256 million pixels take about 10
    seconds: int = 300
    expanded: int = 4 << 30  # bytes of a packed file once unpacked
    ratio: int = 200  # ... and how many times its size


STANDARD = Limits()


class Found(NamedTuple):
    """What the process made of a file: planes, HDUs as in ``ImageFile.hdus``, and all headers."""

    planes: Planes
    hdus: tuple[dict[str, Any], ...]
    cards: list[list[Card]]


def read_apart(
    path: Path, scratch: Path, hdu: int = -1, at: Sequence[int] = (), stop: threading.Event | None = None,
    limits: Limits = STANDARD,
) -> Found:  # fmt: skip
    """See ``read.planes_of``; here all pixels are read at once, into files that are gone with their arrays."""
    with tempfile.TemporaryDirectory(prefix="reading-", dir=scratch) as aside:
        asked = {"path": str(path.resolve()), "hdu": hdu, "at": list(at), "aside": aside, "limits": limits}
        environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", ""), "HOME": aside, "TMPDIR": aside}
        environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        if folder := os.environ.get("NUMBA_CACHE_DIR"):
            environ["NUMBA_CACHE_DIR"] = folder
        command = [sys.executable, "-m", "portal.image.worker", json.dumps(asked)]
        with (Path(aside) / "words").open("wb") as words:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, env=environ, cwd=aside
            )
        try:
            _wait(process, stop, limits)
        finally:
            process.kill()
            process.wait()
        told = _told(process, Path(aside) / "told.json", limits)
        if "error" in told:
            kind, message, hint = told["error"]
            raise {"LimitError": LimitError}.get(kind, FormatError)(message, hint)
        return _found(told, Path(aside))


def _wait(process: subprocess.Popen, stop: threading.Event | None, limits: Limits) -> None:
    end = time.monotonic() + limits.seconds
    while process.poll() is None:
        if stop is not None and stop.is_set():
            raise CancelledError("Stopped.")
        if time.monotonic() > end:
            raise LimitError(f"Reading the image took more than {limits.seconds:,} s.", "Ask for a cutout.")
        time.sleep(GLANCE)


def _told(process: subprocess.Popen, path: Path, limits: Limits) -> dict[str, Any]:
    status = process.returncode
    if not path.exists() or path.stat().st_size > MOST_WORDS or status not in (0, 3):
        how = f"with status {status}"
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            how = f"after {limits.processor:,} s of processor time, or for want of memory"
        elif status < 0:
            how = f"by {signal.Signals(-status).name}"
        raise FormatError(f"The process that read the image ended {how}.", "The file may be damaged.")
    return json.loads(path.read_bytes())


def _found(told: dict[str, Any], aside: Path) -> Found:
    arrays = {}
    for name in PLANES:
        if (path := aside / f"{name}.npy").exists():
            # The file goes with its folder, its pixels stay as long as the array does.
            pixels = np.load(path, mmap_mode="r", allow_pickle=False)
            arrays[name] = np.array(pixels) if pixels.nbytes < 1 << 20 else pixels
    planes = Planes(
        **arrays,
        bits=tuple(MaskBit(*bit) for bit in told["bits"]),
        unit=told["unit"],
        band=told["band"],
        lsst=Lsst(*told["lsst"]),
        wcs=from_plain(told["wcs"]),
        hdu=told["hdu"],
        cube=told["cube"],
        notes=tuple(told["notes"]),
    )
    return Found(planes, tuple(told["hdus"]), told["cards"])
