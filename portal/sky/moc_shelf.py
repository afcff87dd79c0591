"""The coverage maps of a workspace on disk, so that they are there again after a reload or a restart."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from portal.errors import TriviewError
from portal.sky.moc import Coverage, coverage_of_file, moc_bytes

log = logging.getLogger(__name__)


class Held(NamedTuple):
    """One map and how it is drawn; ``opacity`` in percent."""

    coverage: Coverage
    colour: str
    opacity: int
    shown: bool


class Shelf:
    """One folder with a FITS file for each map and a list of them. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._saved = 0

    def load(self) -> dict[str, Held]:
        """What was saved last, in its order; a file that cannot be read is left out and said in the log."""
        try:
            rows = json.loads((self.folder / "list.json").read_text())
            rows = [(str(key), str(name), str(note), *look) for key, name, note, *look in rows if len(look) == 3]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            log.warning("the list of a workspace's coverage maps cannot be read: %s", error)
            return {}
        found = {}
        for key, name, note, colour, opacity, shown in rows:
            try:
                coverage = coverage_of_file(name, self._path(key).read_bytes())
            except (TriviewError, OSError) as error:
                log.warning("the coverage map %s of a workspace cannot be read: %s", name, error)
                continue
            found[key] = Held(coverage._replace(note=note), colour, opacity, shown)
        return found

    def save(self, held: Mapping[str, Held], serial: int) -> None:
        """Keep these and no others. ``serial`` grows from change to change: a save that comes late does nothing."""
        with self._lock:
            if serial <= self._saved:
                return
            self._saved = serial
            self.folder.mkdir(parents=True, exist_ok=True)
            for key, item in held.items():
                if not self._path(key).exists():
                    self._write(self._path(key), moc_bytes(item.coverage.moc))
            rows = [[key, item.coverage.name, item.coverage.note, *item[1:]] for key, item in held.items()]
            self._write(self.folder / "list.json", json.dumps(rows).encode())
            for path in self.folder.glob("*.fits"):
                if path.stem not in held:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.fits"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)  # never half a file under this name
