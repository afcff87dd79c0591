"""The catalogs of the sample open in the hats package as they are, and their partitions hold what they say."""

from __future__ import annotations

from pathlib import Path

import hats
import numpy as np
import pyarrow.parquet as pq
import pytest
from hats.io.validation import is_valid_catalog

from portal.archive.sample import stored
from portal.archive.sample.hats import POSITIONS


@pytest.mark.parametrize("name", POSITIONS)
def test_hats_opens_a_catalog(sample: Path, name: str) -> None:
    folder = sample / "tables" / name
    assert is_valid_catalog(folder)
    catalog = hats.read_hats(folder)
    table = stored.manifest(sample)["tables"][name]
    assert catalog.catalog_info.total_rows == table["rows"]
    assert (catalog.catalog_info.ra_column, catalog.catalog_info.dec_column) == POSITIONS[name]
    files = {f"Norder={pixel.order}/Dir=0/Npix={pixel.pixel}" for pixel in catalog.get_healpix_pixels()}
    assert files == {file.removeprefix(f"{name}/dataset/").removesuffix(".parquet") for file in table["files"]}
    assert set(catalog.schema.names) == set(pq.read_schema(stored.files(sample, name)[0]).names)


def test_rows_lie_in_the_pixel_of_their_file(sample: Path) -> None:
    for name in POSITIONS:
        for file in stored.files(sample, name):
            order, pixel = (
                int(part.split("=")[1].removesuffix(".parquet")) for part in (file.parts[-3], file.parts[-1])
            )
            leaf = pq.read_table(file, columns=["_healpix_29"], partitioning=None)[0].to_numpy()
            assert (leaf >> 2 * (29 - order) == pixel).all(), file


def test_hats_finds_the_partitions_of_a_cone(sample: Path) -> None:
    catalog = hats.read_hats(sample / "tables" / "Object")
    near = catalog.filter_by_cone(62.0, -37.0, 60.0)
    assert [(pixel.order, pixel.pixel) for pixel in near.get_healpix_pixels()] == [(0, 8)]
    read = near.read_pixel_to_pandas(near.get_healpix_pixels()[0], columns=["objectId", "coord_ra", "coord_dec"])
    assert len(read) == stored.read(sample, "Object", ["coord_dec"]).to_pandas().query("coord_dec < 0").shape[0]
    assert np.abs(read["coord_dec"] + 37).max() < 0.06


def test_lsdb_opens_the_folder(sample: Path) -> None:
    lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="synchronous"):
        objects = lsdb.open_catalog(sample / "tables" / "Object", columns=["objectId", "coord_ra", "coord_dec"])
        near = objects.cone_search(62.0, -37.0, 36.0).compute()
    rows = stored.read(sample, "Object", ["objectId", "coord_ra", "coord_dec"]).to_pandas()
    ra, dec = np.radians(rows["coord_ra"] - 62.0), np.radians(rows["coord_dec"])
    havers = np.sin((dec - np.radians(-37)) / 2) ** 2 + np.cos(dec) * np.cos(np.radians(37)) * np.sin(ra / 2) ** 2
    inside = rows["objectId"][2 * np.degrees(np.arcsin(np.sqrt(havers))) <= 0.01]
    assert len(inside) and sorted(near["objectId"]) == sorted(inside)
