"""The process that reads one foreign image: ``python -m portal.image.worker REQUEST`` (JSON, see ``apart``).

Leaves ``told.json`` (a description, or an error) and a .npy for each plane in the folder given. Limits hold from the
first byte of the file on.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from portal.errors import FormatError, LimitError, TriviewError
from portal.image.apart import Limits
from portal.image.headers import cards_of, read_parts
from portal.image.planes import PLANES
from portal.image.read import planes_of
from portal.image.world import plain

FILE_BYTES = 5 << 30  # of one file written aside
LOST = "The world coordinates have a distortion table; positions are left out."


def _limit(limits: Limits) -> None:
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[0]) if statm.exists() else 1 << 18
    memory = pages * resource.getpagesize() + limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _work(asked: dict[str, Any], limits: Limits) -> dict[str, Any]:
    aside = Path(asked["aside"])
    path = Path(asked["path"])
    if not path.stat().st_size:
        raise FormatError("The file is empty.", "Fetch it again.")
    buffer = np.memmap(path, np.uint8, "r")
    if bytes(buffer[:6]) != b"SIMPLE":
        path = _unpacked(path, aside, limits)
        buffer = np.memmap(path, np.uint8, "r")
    parts = read_parts(buffer)
    planes = planes_of(parts, buffer, aside, asked["hdu"], asked["at"], path)
    for name in PLANES:
        if (plane := getattr(planes, name)) is not None:
            np.save(aside / f"{name}.npy", plane.pixels(), allow_pickle=False)
            plane.forget()
    wcs, notes = planes.wcs and plain(planes.wcs), list(planes.notes)
    if planes.wcs is not None and not wcs:
        notes.append(LOST)
    return {
        "hdus": [part.listed() for part in parts],
        "cards": [cards_of(part.header()) for part in parts],
        "bits": planes.bits,
        "unit": planes.unit,
        "band": planes.band,
        "lsst": planes.lsst,
        "wcs": wcs or "",
        "hdu": planes.hdu,
        "cube": planes.cube,
        "notes": notes,
    }


def _unpacked(path: Path, aside: Path, limits: Limits) -> Path:
    """Gzip, bzip2, xz and zip; anything else stays as it is."""
    from portal.table.foreign import kinds  # these load much that a FITS file does not need
    from portal.table.foreign.recognise import expanded

    given, _ = expanded(path, "image", aside, kinds.Limits(expanded=limits.expanded, ratio=limits.ratio))
    return given.path


def main() -> None:
    asked = json.loads(sys.argv[1])
    limits = Limits(*asked["limits"])
    _limit(limits)
    warnings.simplefilter("ignore")
    status = 3
    try:
        told, status = _work(asked, limits), 0
    except TriviewError as error:
        kind = "LimitError" if isinstance(error, LimitError) else "FormatError"
        told = {"error": (kind, error.message, error.hint)}
    except MemoryError:
        told = {"error": ("LimitError", "The image needs too much memory to be read.", "Ask for a cutout.")}
    except Exception as error:  # noqa: BLE001 - whatever a damaged file does to its reader is the file's fault
        words = " ".join(str(error).split())[:300] or type(error).__name__
        told = {"error": ("FormatError", f"The image cannot be read: {words}.", "The file may be damaged.")}
    (Path(asked["aside"]) / "told.json").write_text(json.dumps(told))
    os._exit(status)  # what a damaged file left behind is not cleaned up


if __name__ == "__main__":
    main()
