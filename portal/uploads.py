"""Tables a user sends along with queries (TAP 1.1, section 2.5): kept in the workspace, named ``TAP_UPLOAD.<name>``.

Each is a VOTable on disk, written once and sent as it is. Knows nothing of sessions, jobs or services.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from .adql.reserved import identifier
from .errors import CancelledError, LimitError, QueryError
from .table.columns import TableMeta
from .table.engine import Stop
from .table.votable_write import votable_bytes

MOST_UPLOADS = 20  # of a workspace; a query can send 16 to the embedded archive
MOST_BYTES = 256 << 20  # of a workspace's uploads: eight times what a Rubin service takes with one query
NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
# Comments and strings are skipped first, so that a name inside them names nothing.
NAMED = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(?<![\w.\"])\"?tap_upload\"?\s*\.\s*(?:\"((?:[^\"]|\"\")+)\"|([A-Za-z]\w*))",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)


class Field(NamedTuple):
    """A column of an upload; VOTable's words."""

    name: str
    datatype: str
    unit: str
    ucd: str
    description: str


class Upload(NamedTuple):
    """A table that queries can name. ``bytes`` is its size when sent; ``title`` says where its rows came from."""

    key: str
    name: str
    title: str
    rows: int
    bytes: int
    fields: tuple[Field, ...]


class Uploads:
    """The uploads of all workspaces below one folder. Safe from any thread; ``add`` takes as long as the rows do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def list(self, workspace: str) -> tuple[Upload, ...]:
        """The uploads of a workspace, oldest first."""
        try:
            rows = json.loads((self.folder / workspace / "list.json").read_text())
        except FileNotFoundError:
            return ()
        return tuple(Upload(*row[:5], tuple(Field(*item) for item in row[5])) for row in rows)

    def add(
        self,
        workspace: str,
        name: str,
        title: str,
        meta: TableMeta,
        batches: Iterable[pa.RecordBatch],
        stop: Stop | None = None,
    ) -> Upload:
        """Keep a table under a name, in place of an earlier one of that name.

        Raises QueryError for a name that cannot be used, LimitError past the limits of a workspace, CancelledError
        when ``stop`` is set; what was there before is kept then.
        """
        check_name(name)
        folder = self.folder / workspace
        folder.mkdir(parents=True, exist_ok=True)
        key = secrets.token_hex(8)
        room = _room(self.list(workspace), name)
        rows = size = 0

        def counted() -> Iterable[pa.RecordBatch]:
            nonlocal rows
            for batch in batches:
                if stop is not None and stop.is_set:
                    raise CancelledError("Stopped.")
                rows += batch.num_rows
                yield batch

        part = folder / f"{key}.part"
        try:
            with part.open("wb") as file:
                for piece in votable_bytes(meta, counted()):
                    size += len(piece)
                    _check_room(size, room)
                    file.write(piece)
            fields = tuple(Field(c.name, c.datatype, c.unit, c.ucd, c.description) for c in meta.columns)
            made = Upload(key, name, title, rows, size, fields)
            with self._lock:
                old = self.list(workspace)
                _check_room(size, _room(old, name))  # others may have come meanwhile
                part.rename(self.path(workspace, key))
                self._write(workspace, [*(item for item in old if item.name.lower() != name.lower()), made])
                for item in old:
                    if item.name.lower() == name.lower():
                        self.path(workspace, item.key).unlink(missing_ok=True)
        finally:
            part.unlink(missing_ok=True)
        return made

    def rename(self, workspace: str, key: str, name: str) -> None:
        """Give an upload another name. Raises QueryError when the name cannot be used or is taken."""
        check_name(name)
        with self._lock:
            items = self.list(workspace)
            if any(item.name.lower() == name.lower() and item.key != key for item in items):
                raise QueryError(f"There is a TAP_UPLOAD.{name} already.", "Take another name, or remove that table.")
            self._write(workspace, [item._replace(name=name) if item.key == key else item for item in items])

    def remove(self, workspace: str, key: str) -> None:
        """Forget an upload and its rows."""
        with self._lock:
            items = self.list(workspace)
            self._write(workspace, [item for item in items if item.key != key])
            if any(item.key == key for item in items):
                self.path(workspace, key).unlink(missing_ok=True)

    def forget(self, workspace: str) -> None:
        """Delete all uploads of a workspace."""
        shutil.rmtree(self.folder / workspace, ignore_errors=True)

    def path(self, workspace: str, key: str) -> Path:
        """The VOTable (BINARY2) of an upload."""
        return self.folder / workspace / f"{key}.vot"

    def named(self, workspace: str, adql: str) -> list[tuple[Upload, Path]]:
        """The uploads a query names, with their files. Raises QueryError, with the place, for one that is not there."""
        known = {item.name.lower(): item for item in self.list(workspace)}
        found: dict[str, tuple[Upload, Path]] = {}
        for name, at in names_in(adql):
            if name.lower() not in known:
                here = ", ".join(f"TAP_UPLOAD.{item.name}" for item in known.values())
                raise QueryError(
                    f"There is no uploaded table called {name}.",
                    f"There are: {here}." if here else "Upload a table first, or use a result as TAP_UPLOAD (Upload).",
                    adql.count("\n", 0, at) + 1,
                    at - (adql.rfind("\n", 0, at) + 1) + 1,
                    len(name),
                )
            item = known[name.lower()]
            found[item.key] = (item, self.path(workspace, item.key))
        return list(found.values())

    def _write(self, workspace: str, items: Iterable[Upload]) -> None:
        """The list on disk, whole or as it was."""
        folder = self.folder / workspace
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "list.part"
        part.write_text(json.dumps(list(items)))
        part.replace(folder / "list.json")


def _room(uploads: Iterable[Upload], name: str) -> int:
    """Bytes that are left for an upload of that name. Raises LimitError when there are as many as may be."""
    rest = [item for item in uploads if item.name.lower() != name.lower()]
    if len(rest) >= MOST_UPLOADS:
        raise LimitError(f"A workspace keeps at most {MOST_UPLOADS} uploaded tables.", "Remove one first.")
    return MOST_BYTES - sum(item.bytes for item in rest)


def _check_room(size: int, room: int) -> None:
    if size > room:
        raise LimitError(
            f"The uploaded tables of a workspace may have {MOST_BYTES >> 20} MiB together.",
            "Filter the rows, leave columns out, or remove another upload.",
        )


def as_schema(uploads: Iterable[Upload]) -> dict[str, Any]:
    """The uploads as a schema that can be browsed and completed, in the form of ``portal.vo.schema``."""
    return {
        "name": "TAP_UPLOAD",
        "description": "Your tables; a query that names one takes it along",
        "tables": [
            {
                "name": f"TAP_UPLOAD.{item.name}",
                "description": item.title,
                "rows": item.rows,
                "columns": [
                    {**field._asdict(), "name": identifier(field.name), "principal": True} for field in item.fields
                ],
            }
            for item in uploads
        ],
    }


def check_name(name: str) -> None:
    """Raises QueryError when a table cannot be called so in ADQL without quotes."""
    if not NAME.fullmatch(name):
        raise QueryError(
            f"A table cannot be called {name!r} in queries.",
            "Start with a letter; use letters, digits and _; at most 64.",
        )


def free_name(title: str, taken: Iterable[str]) -> str:
    """A name made of a title (a file's name, say) that is not taken yet."""
    stem = re.sub(r"\W+", "_", title.rsplit("/")[-1].split(".")[0], flags=re.ASCII).strip("_")[:48] or "targets"
    stem = stem if stem[0].isalpha() else f"t_{stem}"
    used = {name.lower() for name in taken}
    name, n = stem, 2
    while name.lower() in used:
        name, n = f"{stem}_{n}", n + 1
    return name


def names_in(adql: str) -> list[tuple[str, int]]:
    """(name, where it begins, from 0) of each ``TAP_UPLOAD.<name>`` in a query, in order."""
    found = []
    for match in NAMED.finditer(adql):
        if match[1] or match[2]:
            group = 1 if match[1] else 2
            found.append((match[group].replace('""', '"'), match.start(group)))
    return found
