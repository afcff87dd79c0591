"""Building a sample: all tables of a preset into a folder of their own, once, whole or not at all."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from portal.archive.sample import hats, observed
from portal.archive.sample.onebuilder import alone, shown
from portal.archive.sample.presets import GENERATOR_VERSION, Preset, Tile, preset
from portal.archive.sample.stored import MANIFEST
from portal.archive.sample.workers import BuilderDied, made_tiles, processes_for
from portal.errors import LimitError, TriviewError

Progress = Callable[[str, float], None]
DONE = "done"  # folder of what has been finished, while the sample is not whole
SPARE = 64 << 20  # bytes that must be left on the disk


def folder_name(preset_name: str, seed: int) -> str:
    """Name of a sample's folder: numpy keeps no promise that its streams stay the same between versions."""
    return f"{preset_name}-{seed}-v{GENERATOR_VERSION}-np{np.__version__}"


def build_sample(
    preset_name: str, seed: int, root: Path, progress: Progress | None = None, processes: int | None = None
) -> Path:
    """The folder of a sample, built when it is not there yet.

    ``progress`` is told what is being made and the part done (0 ... 1). The tables are written aside, tile by tile,
    and the folder renamed when whole: a killed build leaves nothing that looks like a sample, and the next start goes
    on with the tiles that were finished. While another process builds the same sample this one waits for it.

    Raises ValueError for an unknown preset, LimitError when the disk has no room, BuilderDied when a process that
    made tiles was killed, TriviewError when the disk refuses.
    """
    chosen = preset(preset_name)
    folder = Path(root) / folder_name(preset_name, seed)
    if is_whole(folder):
        return folder
    tell = progress or (lambda what, part: None)
    aside = folder.parent / f".{folder.name}.building"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone(aside.with_suffix(".lock"), aside / "progress.json", tell):
            if not is_whole(folder):  # the one we waited for may have built it
                _build_aside(chosen, seed, folder, aside, tell, processes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            raise _no_room(chosen, folder.parent) from error
        raise TriviewError(
            f"The sample sky cannot be written in {folder.parent}: {error.strerror or error}.",
            "Choose another folder (TRIVIEW_DATA).",
        ) from error
    tell("ready", 1.0)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether the manifest is there and every file it names has the size it names."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        return all(_is_there(folder / "tables", table) for table in manifest["tables"].values())
    except (OSError, ValueError, KeyError):
        return False


def _is_there(place: Path, table: dict[str, Any]) -> bool:
    return sum((place / name).stat().st_size for name in table["files"]) == table["bytes"]


def _build_aside(chosen: Preset, seed: int, folder: Path, aside: Path, tell: Progress, processes: int | None) -> None:
    done = _finished(aside)
    left = chosen.bytes_expected * (1 - len(done) / max(len(chosen.tiles()), 1))
    if shutil.disk_usage(folder.parent).free < left + SPARE:
        raise _no_room(chosen, folder.parent)
    try:
        _build(chosen, seed, aside, shown(aside / "progress.json", tell), processes, done)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except (BuilderDied, KeyboardInterrupt, SystemExit):
        raise  # the finished tiles are good
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _no_room(chosen: Preset, root: Path) -> LimitError:
    need, free = chosen.bytes_expected / 1e9, shutil.disk_usage(root).free / 1e9
    return LimitError(
        f"There is no room for the sample sky '{chosen.name}': it takes about {need:.2g} GB and {root} has "
        f"{free:.2g} GB left.",
        "Choose a smaller preset (TRIVIEW_PRESET) or another folder (TRIVIEW_DATA).",
    )


def _finished(aside: Path) -> dict[str, dict[str, Any]]:
    """What a killed build finished: the tables of each tile by its name. A tile that lacks a file is not finished."""
    found = {}
    for note in sorted((aside / DONE).glob("*.json")):
        try:
            made = json.loads(note.read_text())
            if all(_is_there(aside / "tables", table) for table in made.values()):
                found[note.stem] = made
        except (OSError, ValueError, KeyError):
            note.unlink(missing_ok=True)
    return found


def _build(
    chosen: Preset, seed: int, aside: Path, tell: Progress, processes: int | None, done: dict[str, dict[str, Any]]
) -> None:
    place = aside / "tables"
    (aside / DONE).mkdir(parents=True, exist_ok=True)
    tell("visits", 0.0)
    tiles = chosen.tiles()
    left = [tile for tile in tiles if _label(tile) not in done]
    before = 1 - len(left) / len(tiles)

    def told(what: str, part: float) -> None:
        tell(what, before + (0.99 - before) * part)

    with ThreadPoolExecutor(1, "observed") as beside:
        writing = beside.submit(observed.write_observed, chosen, seed, place)
        for tile, made in made_tiles(seed, left, place, processes or processes_for(left, chosen.parallel), told):
            done[_label(tile)] = made
            note = aside / DONE / f"{_label(tile)}.json"
            note.with_suffix(".new").write_text(json.dumps(made))
            note.with_suffix(".new").rename(note)
        tables = writing.result()
    tell("catalogs", 0.99)
    for tile in tiles:
        for name, made in done[_label(tile)].items():
            whole = tables.setdefault(name, {"rows": 0, "bytes": 0, "files": []})
            for key in whole:
                whole[key] += made[key]
    hats.write_catalogs(place, tables, chosen)
    manifest = {
        "preset": chosen.name, "seed": seed, "version": GENERATOR_VERSION, "numpy": np.__version__,
        "fields": [
            {"name": field.name, "ra": field.ra, "dec": field.dec, "radius": field.radius_deg}
            for field in chosen.fields
        ],
        "tables": dict(sorted(tables.items())),
    }  # fmt: skip
    (aside / MANIFEST).write_text(json.dumps(manifest, indent=1))
    shutil.rmtree(aside / DONE)
    (aside / "progress.json").unlink(missing_ok=True)


def _label(tile: Tile) -> str:
    return f"{tile.name}-{tile.tile_order}-{tile.pixel}"
