"""Building a sample: all tables of a preset into a folder of their own, once, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from portal.archive.sample import products
from portal.archive.sample.presets import GENERATOR_VERSION, Preset, preset
from portal.archive.sample.stored import MANIFEST
from portal.archive.sample.tiles import make_tile
from portal.archive.sample.visits import Visits, make_visits, visit_details
from portal.archive.sample.writing import joined, write_table

Progress = Callable[[str, float], None]


def folder_name(preset_name: str, seed: int) -> str:
    """Name of a sample's folder: numpy keeps no promise that its streams stay the same between versions."""
    return f"{preset_name}-{seed}-v{GENERATOR_VERSION}-np{np.__version__}"


def build_sample(preset_name: str, seed: int, root: Path, progress: Progress | None = None) -> Path:
    """The folder of a sample, built when it is not there yet.

    ``progress`` is told what is being made and the part done (0 ... 1). The tables are written aside and the
    folder renamed when whole, so a killed build leaves nothing that looks like a sample. ValueError for an
    unknown preset, OSError when the disk refuses.
    """
    chosen = preset(preset_name)
    folder = Path(root) / folder_name(preset_name, seed)
    if is_whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    aside = folder.parent / f".{folder.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}"
    tell = progress or (lambda what, part: None)
    try:
        _build(chosen, seed, aside, tell)
        if not is_whole(folder):  # another process may have been quicker
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    tell("ready", 1.0)
    return folder


def _sweep(folder: Path) -> None:
    """Remove what killed builds of this sample left aside."""
    for left in folder.parent.glob(f".{folder.name}.*-*"):
        try:
            os.kill(int(left.name.rpartition(".")[2].partition("-")[0]), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(left, ignore_errors=True)
        except PermissionError:
            continue  # another user's build is running


def is_whole(folder: Path) -> bool:
    """Whether the manifest is there and every file it names has the size it names."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        tables = manifest["tables"].values()
        return all(
            sum((folder / "tables" / name).stat().st_size for name in table["files"]) == table["bytes"]
            for table in tables
        )
    except (OSError, ValueError, KeyError):
        return False


def _build(chosen: Preset, seed: int, folder: Path, tell: Progress) -> None:
    place = folder / "tables"
    visits = [make_visits(field, seed) for field in chosen.fields]
    tables = _observed(chosen, visits, seed, place)
    jobs = [(tile, own) for field, own in zip(chosen.fields, visits, strict=True) for tile in field.tiles()]
    for number, (tile, own) in enumerate(jobs):

        def part(what: str, done: float, number: int = number) -> None:
            tell(what, (number + done) / len(jobs))

        for name, made in make_tile(seed, tile, own, place, part).items():
            whole = tables.setdefault(name, {"rows": 0, "bytes": 0, "files": []})
            for key in whole:
                whole[key] += made[key]
    manifest = {
        "preset": chosen.name, "seed": seed, "version": GENERATOR_VERSION, "numpy": np.__version__,
        "fields": [
            {"name": field.name, "ra": field.ra, "dec": field.dec, "radius": field.radius_deg}
            for field in chosen.fields
        ],
        "tables": dict(sorted(tables.items())),
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _observed(chosen: Preset, visits: list[Visits], seed: int, place: Path) -> dict[str, Any]:
    """Write the tables of what was observed, all fields in one file each."""
    pairs = list(zip(chosen.fields, visits, strict=True))
    ccds = [products.ccd_visit_columns(own, field, seed) for field, own in pairs]
    columns = {
        "Visit": [products.visit_columns(own) for own in visits],
        "CcdVisit": ccds,
        "CoaddPatches": [products.patch_columns(field) for field in chosen.fields],
        "ObsCore": [products.obscore_columns(field, seed, own) for field, own in pairs],
        "_visits": [visit_details(field, own, ccd["zeroPoint"]) for (field, own), ccd in zip(pairs, ccds, strict=True)],
    }
    tables = {}
    for name, parts in columns.items():
        made = write_table(place / f"{name}.parquet", joined(parts))
        tables[name] = {**made, "files": [f"{name}.parquet"]}
    return tables
