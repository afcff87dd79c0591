"""Tables of what was observed, all fields of a preset in one file each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portal.archive.sample import products
from portal.archive.sample.obscore import obscore_columns
from portal.archive.sample.presets import Preset
from portal.archive.sample.visits import make_visits, visit_details
from portal.archive.sample.writing import joined, write_table


def write_observed(chosen: Preset, seed: int, place: Path) -> dict[str, Any]:
    """Write Visit, CcdVisit, CoaddPatches, ObsCore and the hidden _visits; gives rows, bytes and file of each."""
    pairs = [(field, make_visits(field, seed)) for field in chosen.fields]
    detectors = [products.ccd_visit_columns(visits, field, seed) for field, visits in pairs]
    details = [visit_details(*pair, of["zeroPoint"]) for pair, of in zip(pairs, detectors, strict=True)]
    columns = {
        "Visit": [products.visit_columns(visits) for _, visits in pairs],
        "CcdVisit": detectors,
        "CoaddPatches": [products.patch_columns(field) for field, _ in pairs],
        "ObsCore": [obscore_columns(field, seed, visits) for field, visits in pairs],
        "_visits": details,
    }
    tables = {}
    for name, parts in columns.items():
        made = write_table(place / f"{name}.parquet", joined(parts))
        tables[name] = {**made, "files": [f"{name}.parquet"]}
    return tables
