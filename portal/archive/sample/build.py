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

from portal.archive.sample import dia, diastats, geometry, lightfiles, objects, products, truthtables
from portal.archive.sample.forced import ForcedPhotometry
from portal.archive.sample.presets import GENERATOR_VERSION, Preset, preset
from portal.archive.sample.truth import true_sky
from portal.archive.sample.variables import make_variables, planted_stars
from portal.archive.sample.visits import make_visits
from portal.archive.sample.visitsources import SourceFile
from portal.archive.sample.writing import write_table

Progress = Callable[[str, float], None]
MANIFEST = "manifest.json"


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
    tables: dict[str, Any] = {}
    place = folder / "tables"

    def write(name: str, columns: dict[str, Any]) -> None:
        tables[name] = write_table(place / f"{name}.parquet", columns)

    tell("stars and galaxies", 0.0)
    planted = planted_stars(seed, chosen)
    sky = true_sky(seed, chosen, planted)
    visits = make_visits(chosen, seed)
    variables = make_variables(seed, chosen, sky, planted, visits)
    write("Visit", products.visit_columns(visits))
    write("CcdVisit", products.ccd_visit_columns(visits, chosen, seed))
    write("CoaddPatches", products.patch_columns(chosen))
    write("ObsCore", products.obscore_columns(chosen, seed, visits))

    tell("objects", 0.1)
    found = objects.find_objects(seed, chosen, sky)
    tables["Object"], tract, patch = objects.write_objects(place / "Object.parquet", seed, sky, found)
    write("_render", truthtables.render_columns(sky, found, chosen))

    tell("forced photometry", 0.3)
    photometry = ForcedPhotometry(seed, "forced", visits)
    targets = lightfiles.object_targets(sky, found, variables, len(visits))
    parents = {
        "objectId": found.object_id, "parentObjectId": found.parent_id, "coord_ra": found.ra, "coord_dec": found.dec,
        "tract": tract, "patch": patch, "_healpix_29": found.leaf,
    }  # fmt: skip
    detections = SourceFile(place / "Source.parquet", seed, found, visits)
    tables["ForcedSource"] = lightfiles.write_forced(
        place / "ForcedSource.parquet", photometry, targets, parents, np.int64,
        lambda part: tell("forced photometry", 0.3 + 0.6 * part), detections.add,
    )  # fmt: skip

    tables["Source"] = detections.close()
    tell("difference imaging", 0.9)
    difference = ForcedPhotometry(seed, "dia", visits)
    places = dia.dia_places(seed, chosen, visits, found, variables, difference)
    sources = dia.dia_sources(seed, places, difference)
    write("DiaObject", diastats.dia_object_columns(places, sources))
    write("DiaSource", dia.in_sky_order(sources))
    tract, patch = geometry.patch_at(places.ra, places.dec)
    parents = {
        "diaObjectId": places.dia_object_id, "parentObjectId": np.zeros(len(places), np.int64),
        "coord_ra": places.ra, "coord_dec": places.dec, "tract": tract, "patch": patch, "_healpix_29": places.leaf,
    }  # fmt: skip
    tables["ForcedSourceOnDiaObject"] = lightfiles.write_forced(
        place / "ForcedSourceOnDiaObject.parquet", difference, places.targets, parents, np.int32
    )

    tell("truth", 0.98)
    dia_of = np.zeros(len(variables), np.int64)
    real = places.variable >= 0
    dia_of[places.variable[real]] = places.dia_object_id[real]
    truth = truthtables.truth_columns(sky, found, variables, dia_of)
    write("Truth", truth)
    write("MatchesTruth", truthtables.match_columns(truth, found))
    manifest = {
        "preset": chosen.name, "seed": seed, "version": GENERATOR_VERSION, "numpy": np.__version__,
        "field": {"ra": chosen.ra, "dec": chosen.dec, "radius": chosen.radius_deg},
        "tables": dict(sorted(tables.items())),
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
