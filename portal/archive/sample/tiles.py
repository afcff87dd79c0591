"""One tile of a field: its sky, its objects and their light curves, written as one file of each table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import dia, diastats, geometry, lightfiles, objects, truthtables
from portal.archive.sample.forced import ForcedPhotometry
from portal.archive.sample.planting import planted_stars
from portal.archive.sample.presets import Tile
from portal.archive.sample.solarsystem import solar_tables
from portal.archive.sample.truth import true_sky
from portal.archive.sample.variables import make_variables
from portal.archive.sample.visits import Visits
from portal.archive.sample.visitsources import SourceFile
from portal.archive.sample.writing import joined, write_table

# What lies so far outside of a tile (arcsec) is made with it: an object near the border blends with others across it,
# and its detections may fall on either side.
SKIRT = 60.0
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
    outer = tile.wider(SKIRT)
    planted = planted_stars(seed, tile)
    sky = true_sky(seed, tile, planted)
    variables = make_variables(seed, outer, sky, planted, visits)

    tell("objects", 0.1)
    every = objects.find_objects(seed, outer, sky)
    own = tile.holds(every.ra, every.dec)
    found = every.only(own)
    if len(found) == 0:  # a corner of the tile touches the field and nothing lies in it
        return {}
    made["Object"], tract, patch = objects.write_objects(folder / file_of("Object", tile), seed, sky, found)
    write("_render", truthtables.render_columns(sky, every, tile))
    write("_light", truthtables.light_columns(sky, every, variables, tile))

    tell("forced photometry", 0.3)
    photometry = ForcedPhotometry(seed, "forced", tile, visits)
    targets = lightfiles.object_targets(sky, every, variables, len(visits))
    parents = {
        "objectId": found.object_id, "parentObjectId": found.parent_id, "coord_ra": found.ra, "coord_dec": found.dec,
        "tract": tract, "patch": patch, "_healpix_29": found.leaf,
    }  # fmt: skip
    sources = SourceFile(folder / file_of("Source", tile), seed, every, visits)
    made["ForcedSource"] = lightfiles.write_forced(
        folder / file_of("ForcedSource", tile), photometry, targets,
        lightfiles.Places(np.flatnonzero(own), parents, every.ra, every.dec, tile.leaves()), np.int64,
        lambda part: tell("forced photometry", 0.3 + 0.6 * part), sources,
    )  # fmt: skip
    made["Source"] = sources.close()

    tell("difference imaging", 0.9)
    difference = ForcedPhotometry(seed, "dia", tile, visits)
    places = dia.dia_places(seed, outer, visits, every, variables, difference)
    own = tile.holds(places.ra, places.dec)
    detected = dia.dia_sources(seed, places, difference)
    write("DiaObject", _chosen(diastats.dia_object_columns(places, detected), own))
    inside = outer.holds(places.ra, places.dec)[detected["_dia_row"]] & _in_range(detected["_healpix_29"], tile)
    detected = dia.in_sky_order(_chosen(detected, inside))
    if tile.orbits:
        tell("moving bodies", 0.93)
        detected = _with_solar(solar_tables(seed, tile, visits), tile, detected, write)
    write("DiaSource", detected)
    tract, patch = geometry.patch_at(places.ra[own], places.dec[own])
    parents = {
        "diaObjectId": places.dia_object_id[own], "parentObjectId": np.zeros(int(own.sum()), np.int64),
        "coord_ra": places.ra[own], "coord_dec": places.dec[own], "tract": tract, "patch": patch,
        "_healpix_29": places.leaf[own],
    }  # fmt: skip
    made["ForcedSourceOnDiaObject"] = lightfiles.write_forced(
        folder / file_of("ForcedSourceOnDiaObject", tile), difference, places.targets,
        lightfiles.Places(np.flatnonzero(own), parents, places.ra, places.dec, tile.leaves()), np.int32,
    )  # fmt: skip

    tell("truth", 0.98)
    dia_of = np.zeros(len(variables), np.int64)
    real = places.variable >= 0
    dia_of[places.variable[real]] = places.dia_object_id[real]
    truth, matches = truthtables.truth_tables(sky, every, variables, dia_of, tile)
    write("Truth", truth)
    write("MatchesTruth", matches)
    return {name: {**made[name], "files": [file_of(name, tile)]} for name in made}


def _chosen(columns: dict[str, Any], mask: np.ndarray) -> dict[str, Any]:
    """The rows of a mask."""
    return {
        name: values.filter(pa.array(mask)) if isinstance(values, pa.Array) else np.asarray(values)[mask]
        for name, values in columns.items()
    }


def _with_solar(
    solar: dict[str, dict[str, Any]], tile: Tile, detected: dict[str, Any], write: Callable[[str, dict[str, Any]], None]
) -> dict[str, Any]:
    """Write the tables of the Solar System; gives the DiaSources with those of moving bodies among them.

    Orbits belong to the field: the first of its tiles holds them.
    """
    if tile.first:
        for name in ("MPCORB", "SSObject", "_moving"):
            write(name, solar[name])
    inside = _in_range(solar["DiaSource"]["_healpix_29"], tile)
    write("SSSource", _chosen(solar["SSSource"], inside))
    both = joined([detected, _chosen(solar["DiaSource"], inside)])
    order = np.lexsort((both["midpointMjdTai"].to_numpy(), both["_healpix_29"].to_numpy()))
    return {name: values.take(pa.array(order)) for name, values in both.items()}


def _in_range(leaf: np.ndarray, tile: Tile) -> np.ndarray:
    first, last = tile.leaves()
    return (leaf >= first) & (leaf < last)
