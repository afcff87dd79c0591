"""The sample is the same bytes from the same seed, whole or absent, ordered, and named as DP1 names things."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from portal.archive.sample.build import build_sample, folder_name, is_whole
from portal.archive.sample.cells import leaf_of
from portal.archive.sample.streams import normal, stream, uniform
from portal.archive.schema import load

TABLES = {
    "Object", "ForcedSource", "Visit", "CcdVisit", "DiaObject", "DiaSource", "ForcedSourceOnDiaObject",
    "Source", "CoaddPatches", "ObsCore", "MatchesTruth", "Truth", "_render",
}  # fmt: skip
SEED = 2026


@pytest.fixture(scope="module")
def tables(sample: Path) -> Path:
    return sample / "tables"


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((folder / "tables").iterdir())}


def test_same_seed_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    again = build_sample("tiny", SEED, tmp_path)
    assert digests(again) == digests(sample)
    assert (again / "manifest.json").read_text() == (sample / "manifest.json").read_text()


def test_another_seed_gives_another_sky(sample: Path, tmp_path: Path) -> None:
    other = digests(build_sample("tiny", SEED + 1, tmp_path))
    assert other["Object.parquet"] != digests(sample)["Object.parquet"]


def test_a_built_sample_is_not_built_again(sample: Path) -> None:
    told: list[str] = []
    assert build_sample("tiny", SEED, sample.parent, lambda what, part: told.append(what)) == sample
    assert told == []
    assert sample.name == folder_name("tiny", SEED)


def test_a_damaged_sample_is_built_anew_and_nothing_is_left_aside(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    folder = build_sample("tiny", SEED, tmp_path, lambda what, part: told.append((what, part)))
    parts = [part for _, part in told]
    assert parts == sorted(parts) and parts[-1] == 1.0
    with (folder / "tables" / "Object.parquet").open("r+b") as file:
        file.truncate(1000)
    assert not is_whole(folder)
    (tmp_path / f".{folder.name}.4194305-0badcafe").mkdir()  # left by a killed build: no process has that number
    assert is_whole(build_sample("tiny", SEED, tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def refuse(what: str, part: float) -> None:
        if what == "truth":
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        build_sample("tiny", SEED, tmp_path, refuse)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="tiny, small, default"):
        build_sample("huge", SEED, tmp_path)


def test_manifest_tells_what_is_there(sample: Path, tables: Path) -> None:
    manifest = json.loads((sample / "manifest.json").read_text())
    assert manifest["preset"] == "tiny" and manifest["seed"] == SEED
    assert manifest["field"] == {"ra": 62.0, "dec": -37.0, "radius": 0.05}
    assert set(manifest["tables"]) >= TABLES
    for name, table in manifest["tables"].items():
        file = tables / f"{name}.parquet"
        assert table == {"rows": pq.read_metadata(file).num_rows, "bytes": file.stat().st_size, "files": [file.name]}
    rows = {name: table["rows"] for name, table in manifest["tables"].items()}
    assert 1200 < rows["Object"] < 1800
    assert rows["ForcedSource"] > 20 * rows["Object"]
    assert rows["Visit"] == 30 and rows["CcdVisit"] == 270
    assert rows["ObsCore"] == 6 * rows["CoaddPatches"]


def test_every_table_is_in_sky_order(tables: Path) -> None:
    for name in ("Object", "ForcedSource", "DiaObject", "DiaSource", "ForcedSourceOnDiaObject", "Truth", "_render"):
        leaf = pq.read_table(tables / f"{name}.parquet", columns=["_healpix_29"])[0].to_numpy()
        assert leaf.dtype == np.int64 and (np.diff(leaf) >= 0).all(), name


def test_the_stored_pixel_is_that_of_the_position(tables: Path) -> None:
    places = {
        "Object": ("coord_ra", "coord_dec"), "ForcedSource": ("coord_ra", "coord_dec"), "Source": ("ra", "dec"),
        "DiaObject": ("ra", "dec"), "DiaSource": ("ra", "dec"), "ForcedSourceOnDiaObject": ("coord_ra", "coord_dec"),
        "Truth": ("ra", "dec"), "Visit": ("ra", "dec"), "CcdVisit": ("ra", "dec"), "_render": ("ra", "dec"),
        "CoaddPatches": ("s_ra", "s_dec"), "ObsCore": ("s_ra", "s_dec"),
    }  # fmt: skip
    for name, position in places.items():
        table = pq.read_table(tables / f"{name}.parquet", columns=[*position, "_healpix_29"])
        ra, dec, leaf = (table[column].to_numpy() for column in (*position, "_healpix_29"))
        assert (leaf_of(ra, dec) == leaf).all(), name


def test_sources_are_the_brighter_part_of_forced_photometry(tables: Path) -> None:
    sources = pq.read_table(tables / "Source.parquet", columns=["sourceId", "psfFlux", "psfFluxErr"])
    ids = sources["sourceId"].to_numpy()
    assert len(np.unique(ids)) == len(ids) and ids.min() > 2**53
    forced = pq.read_table(tables / "ForcedSource.parquet", columns=["psfFlux", "psfFluxErr"])
    strong = pc.sum(pc.greater(forced["psfFlux"], pc.multiply(forced["psfFluxErr"], 5.0))).as_py()
    assert len(ids) == pytest.approx(strong, rel=0.01)


def test_ids_rise_are_unique_and_break_as_doubles(tables: Path) -> None:
    ids = pq.read_table(tables / "Object.parquet", columns=["objectId"])[0].to_numpy()
    assert (np.diff(ids) > 0).all() and ids.min() > 2**53
    assert len(np.unique(ids.astype(np.float64))) < len(ids) / 4
    dia = pq.read_table(tables / "DiaObject.parquet", columns=["diaObjectId"])[0].to_numpy()
    assert (np.diff(dia) > 0).all() and dia.min() > 2**53 and not np.isin(dia, ids).any()
    sources = pq.read_table(tables / "DiaSource.parquet", columns=["diaSourceId"])[0].to_numpy()
    assert len(np.unique(sources)) == len(sources) and sources.min() > 2**53


def test_light_curves_lie_together_in_time_order(tables: Path) -> None:
    forced = pq.read_table(tables / "ForcedSource.parquet", columns=["objectId", "visit"])
    ids, visit = (forced[name].to_numpy() for name in ("objectId", "visit"))
    assert (np.diff(ids) >= 0).all()
    assert (np.diff(visit)[np.diff(ids) == 0] > 0).all()  # visit numbers rise with time
    known = pq.read_table(tables / "Object.parquet", columns=["objectId"])[0].to_numpy()
    assert np.isin(ids, known).all()


def test_children_refer_to_what_exists(tables: Path) -> None:
    def column(table: str, name: str) -> np.ndarray:
        return pq.read_table(tables / f"{table}.parquet", columns=[name])[0].to_numpy()

    ccd = set(column("CcdVisit", "ccdVisitId").tolist())
    for table in ("ForcedSource", "DiaSource", "ForcedSourceOnDiaObject"):
        made = column(table, "visit") * 1000 + column(table, "detector")
        assert set(np.unique(made).tolist()) <= ccd
    assert set(column("CcdVisit", "visitId")) == set(column("Visit", "visit"))
    for table in ("DiaSource", "ForcedSourceOnDiaObject"):
        assert set(column(table, "diaObjectId")) == set(column("DiaObject", "diaObjectId"))
    counted = dict(zip(*np.unique(column("DiaSource", "diaObjectId"), return_counts=True), strict=True))
    stated = dict(zip(column("DiaObject", "diaObjectId"), column("DiaObject", "nDiaSources"), strict=True))
    assert counted == stated
    assert set(column("MatchesTruth", "match_objectId")) <= set(column("Object", "objectId"))


def test_names_and_types_are_those_of_the_schema(tables: Path) -> None:
    schemas = load()
    kinds = {
        "long": pa.int64(), "int": pa.int32(), "short": pa.int32(), "double": pa.float64(), "float": pa.float32(),
        "boolean": pa.bool_(), "char": pa.string(), "unicodeChar": pa.string(),
    }  # fmt: skip
    home = {"ObsCore": "ivoa", "MatchesTruth": "dp02_dc2_catalogs"}
    for name in sorted(TABLES - {"Truth", "_render"}):
        schema = schemas[home.get(name, "dp1")]
        described = {
            c.name: c for c in next(t for k, t in schema.tables.items() if k.endswith(f".{name}") or k == name).columns
        }
        stored = pq.read_schema(tables / f"{name}.parquet")
        for field in stored:
            if not field.name.startswith("_"):
                assert field.name in described, f"{name}.{field.name}"
                assert field.type == kinds[described[field.name].datatype], f"{name}.{field.name}"
        if name == "Object":
            assert sum(not f.startswith("_") for f in stored.names) >= 100
        elif name not in ("ObsCore", "Source"):
            assert set(described) <= set(stored.names)


def test_nulls_stand_where_a_pipeline_leaves_them(tables: Path) -> None:
    objects = pq.read_table(tables / "Object.parquet", columns=["u_psfFlux", "u_psfMag", "u_psfFlux_flag", "r_psfFlux"])
    assert 0 < objects["u_psfFlux"].null_count < 100
    assert (
        objects["u_psfMag"].null_count
        == objects["u_psfFlux"].null_count + pc.sum(pc.less_equal(objects["u_psfFlux"], 0)).as_py()
    )
    assert pc.all(pc.equal(pc.is_null(objects["u_psfFlux"]), objects["u_psfFlux_flag"])).as_py()
    forced = pq.read_table(tables / "ForcedSource.parquet", columns=["psfDiffFlux", "psfDiffFlux_flag", "psfFlux"])
    assert pc.all(pc.equal(pc.is_null(forced["psfDiffFlux"]), forced["psfDiffFlux_flag"])).as_py()
    assert pc.sum(pc.less(forced["psfFlux"], 0)).as_py() > 100
    for name in ("Object", "ForcedSource", "DiaObject", "DiaSource"):
        table = pq.read_table(tables / f"{name}.parquet")
        for field in table.schema:
            if pa.types.is_floating(field.type):
                assert not pc.any(pc.is_nan(table[field.name])).as_py(), f"{name}.{field.name} holds NaN"


def test_random_streams_depend_on_their_key_only() -> None:
    assert (stream(1, "a", 5).random(4) == stream(1, "a", 5).random(4)).all()
    assert (stream(1, "a", 5).random(4) != stream(1, "a", 6).random(4)).all()
    ids = np.arange(20000)
    whole = normal(7, "x", ids)
    assert (whole[500:600] == normal(7, "x", ids[500:600])).all()
    assert abs(whole.mean()) < 0.03 and abs(whole.std() - 1) < 0.02
    flat = uniform(7, "x", ids)
    assert flat.min() > 0 and flat.max() < 1 and abs(flat.mean() - 0.5) < 0.01
