"""The files that make a folder of tiles a HATS catalog, so that hats and lsdb open it as it is.

HATS: hierarchical adaptive tiling scheme, https://www.ivoa.net/documents/Notes/HATS/ (IVOA note of 2025).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from portal.archive.sample.cells import LEAF_ORDER
from portal.archive.sample.presets import GENERATOR_VERSION, Preset

POSITIONS = {
    "Object": ("coord_ra", "coord_dec"), "ForcedSource": ("coord_ra", "coord_dec"), "Source": ("ra", "dec"),
    "DiaObject": ("ra", "dec"), "DiaSource": ("ra", "dec"), "ForcedSourceOnDiaObject": ("coord_ra", "coord_dec"),
    "SSSource": ("ra", "dec"),
}  # fmt: skip
OBJECTS = ("Object", "DiaObject")
LOOK_ROWS = 100  # shown of a catalog before anything is read
_PIXEL = re.compile(r"Norder=(\d+)/Dir=\d+/Npix=(\d+)\.parquet$")


def write_catalogs(place: Path, tables: dict[str, dict[str, Any]], chosen: Preset) -> None:
    """Describe every catalog among the tables: properties, partitions, schema and a first look at its rows."""
    area = sum(field.area_deg2 for field in chosen.fields)
    for name, (ra, dec) in POSITIONS.items():
        if name in tables:
            _describe(place / name, name, tables[name], ra, dec, area)


def _describe(folder: Path, name: str, table: dict[str, Any], ra: str, dec: str, area: float) -> None:
    files = [folder.parent / file for file in table["files"]]
    pixels = [tuple(map(int, found.groups())) for file in table["files"] if (found := _PIXEL.search(file))]
    rows = [pq.read_metadata(file).num_rows for file in files]
    properties = {
        "obs_collection": name,
        "dataproduct_type": "object" if name in OBJECTS else "source",
        "hats_nrows": table["rows"],
        "hats_col_ra": ra,
        "hats_col_dec": dec,
        "hats_col_healpix": "_healpix_29",
        "hats_col_healpix_order": LEAF_ORDER,
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": max(rows),
        "hats_order": max(order for order, _ in pixels),
        "hats_estsize": table["bytes"] // 1024,
        "moc_sky_fraction": f"{area / 41252.96124941927:.6g}",
        "hats_builder": f"triview sample sky, generator {GENERATOR_VERSION}",
        "obs_title": f"{name} of the simulated sky",
    }
    text = "#HATS catalog\n" + "".join(f"{key}={value}\n" for key, value in properties.items())
    for title in ("hats.properties", "properties"):
        (folder / title).write_text(text)
    lines = [f"{order},{pixel}" for order, pixel in sorted(pixels)]
    (folder / "partition_info.csv").write_text("\n".join(["Norder,Npix", *lines, ""]))
    schema = pq.read_schema(files[0]).remove_metadata()
    pq.write_metadata(schema, folder / "dataset" / "_common_metadata", store_schema=False)
    look = next(pq.ParquetFile(files[int(np.argmax(rows))]).iter_batches(LOOK_ROWS, use_threads=False), None)
    first = schema.empty_table() if look is None else pa.Table.from_batches([look])
    pq.write_table(first, folder / "dataset" / "data_thumbnail.parquet", store_schema=False)
