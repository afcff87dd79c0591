"""A small sky with known objects for the pixel tests: what the table maker would write, made here by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units as u
from astropy_healpix import HEALPix

CENTRE = (62.0, -37.0)


def write_sky(folder: Path, rows: list[dict], radius: float = 0.05, seed: int = 5) -> Path:
    """A sample folder that holds only what pixels need. A row gives ra, dec and flux (nJy, all bands or by band)."""
    columns: dict[str, list] = {name: [] for name in ("id", "ra", "dec", "is_star", "r_e", "bulge", "q", "pa")}
    fluxes: dict[str, list] = {f"flux_{band}": [] for band in "ugrizy"}
    for number, row in enumerate(rows):
        columns["id"].append(row.get("id", 2**60 + number))
        columns["ra"].append(row["ra"])
        columns["dec"].append(row["dec"])
        columns["is_star"].append(row.get("is_star", True))
        for name, default in (("r_e", 0.0), ("bulge", 0.0), ("q", 1.0), ("pa", 0.0)):
            columns[name].append(np.float32(row.get(name, default)))
        for band in "ugrizy":
            flux = row["flux"]
            fluxes[f"flux_{band}"].append(np.float32(flux[band] if isinstance(flux, dict) else flux))
    pixel = HEALPix(2**29, order="nested").lonlat_to_healpix(columns["ra"] * u.deg, columns["dec"] * u.deg)
    table = pa.table({**columns, **fluxes, "_healpix_29": pixel.astype(np.int64)})
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    pq.write_table(table.take(np.argsort(pixel, kind="stable")), folder / "tables" / "_render.parquet")
    manifest = {
        "preset": "test",
        "seed": seed,
        "version": 1,
        "tables": {"_render": {"rows": table.num_rows, "bytes": 0, "files": ["_render.parquet"]}},
        "fields": [{"name": "main", "ra": CENTRE[0], "dec": CENTRE[1], "radius": radius}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def crowd(count: int, radius: float, seed: int = 3) -> list[dict]:
    """Stars and galaxies of many sizes and colours strewn over a disc (degrees) about the centre."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        r, t = radius * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        dec = CENTRE[1] + r * np.sin(t)
        star = rng.uniform() < 0.15
        i_mag = min(rng.uniform(14, 24), 22) if star else 25.5 - rng.exponential(1.2)
        colour = rng.normal(0.35, 0.25)
        steps = {"u": 3.2, "g": 2.0, "r": 1.0, "i": 0.0, "z": -0.5, "y": -0.7}
        out.append({
            "ra": CENTRE[0] + r * np.cos(t) / np.cos(np.radians(dec)),
            "dec": dec,
            "flux": {b: 10 ** (0.4 * (31.4 - i_mag - colour * s)) for b, s in steps.items()},
            "is_star": star,
            "r_e": 10 ** (rng.normal(-0.25, 0.2) - 0.1 * (i_mag - 23)),
            "bulge": rng.choice([0.0, 0.2, 0.6, 1.0]),
            "q": rng.uniform(0.2, 1.0),
            "pa": rng.uniform(0, 180),
        })  # fmt: skip
    return out
