"""One tile of a field: its sky, its objects and their light curves, written as one file of each table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from portal.archive.sample import dia, diastats, geometry, lightfiles, objects, truthtables
from portal.archive.sample.forced import ForcedPhotometry
from portal.archive.sample.planting import planted_stars
from portal.archive.sample.presets import Tile
from portal.archive.sample.truth import true_sky
from portal.archive.sample.variables import make_variables
from portal.archive.sample.visits import Visits
from portal.archive.sample.visitsources import SourceFile
from portal.archive.sample.writing import write_table

# Tables laid out as catalogs of the HATS kind: a file for each HEALPix pixel.
CATALOGS = ("Object", "Source", "ForcedSource", "DiaObject", "DiaSource", "ForcedSourceOnDiaObject", "SSSource")


def file_of(name: str, tile: Tile) -> str:
    """Where the rows of a table in a tile are, relative to the folder of the tables."""
    if name in CATALOGS:
        part = f"Norder={tile.tile_order}/Dir={tile.pixel // 10000 * 10000}/Npix={tile.pixel}.parquet"
        return f"{name}/dataset/{part}"
    return f"{name}/{tile.name}-{tile.pixel}.parquet"


def make_tile(
    seed: int, tile: Tile, visits: Visits, folder: Path, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Write all tables of a tile into ``folder``; gives rows, bytes and file of each."""
    made: dict[str, Any] = {}

    def write(name: str, columns: dict[str, Any]) -> None:
        made[name] = write_table(folder / file_of(name, tile), columns)

    tell("stars and galaxies", 0.0)
    planted = planted_stars(seed, tile)
    sky = true_sky(seed, tile, planted)
    variables = make_variables(seed, tile, sky, planted, visits)

    tell("objects", 0.1)
    found = objects.find_objects(seed, tile, sky)
    made["Object"], tract, patch = objects.write_objects(folder / file_of("Object", tile), seed, sky, found)
    write("_render", truthtables.render_columns(sky, found, tile))
    write("_light", truthtables.light_columns(sky, found, variables, tile.number))

    tell("forced photometry", 0.3)
    photometry = ForcedPhotometry(seed, "forced", tile, visits)
    targets = lightfiles.object_targets(sky, found, variables, len(visits))
    parents = {
        "objectId": found.object_id, "parentObjectId": found.parent_id, "coord_ra": found.ra, "coord_dec": found.dec,
        "tract": tract, "patch": patch, "_healpix_29": found.leaf,
    }  # fmt: skip
    detections = SourceFile(folder / file_of("Source", tile), seed, found, visits)
    made["ForcedSource"] = lightfiles.write_forced(
        folder / file_of("ForcedSource", tile), photometry, targets, parents, np.int64,
        lambda part: tell("forced photometry", 0.3 + 0.6 * part), detections.add,
    )  # fmt: skip
    made["Source"] = detections.close()

    tell("difference imaging", 0.9)
    difference = ForcedPhotometry(seed, "dia", tile, visits)
    places = dia.dia_places(seed, tile, visits, found, variables, difference)
    sources = dia.dia_sources(seed, places, difference)
    write("DiaObject", diastats.dia_object_columns(places, sources))
    write("DiaSource", dia.in_sky_order(sources))
    tract, patch = geometry.patch_at(places.ra, places.dec)
    parents = {
        "diaObjectId": places.dia_object_id, "parentObjectId": np.zeros(len(places), np.int64),
        "coord_ra": places.ra, "coord_dec": places.dec, "tract": tract, "patch": patch, "_healpix_29": places.leaf,
    }  # fmt: skip
    made["ForcedSourceOnDiaObject"] = lightfiles.write_forced(
        folder / file_of("ForcedSourceOnDiaObject", tile), difference, places.targets, parents, np.int32
    )

    tell("truth", 0.98)
    dia_of = np.zeros(len(variables), np.int64)
    real = places.variable >= 0
    dia_of[places.variable[real]] = places.dia_object_id[real]
    truth = truthtables.truth_columns(sky, found, variables, dia_of)
    write("Truth", truth)
    write("MatchesTruth", truthtables.match_columns(truth, found))
    return {name: {**made[name], "files": [file_of(name, tile)]} for name in made}
