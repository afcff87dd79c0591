"""The sample is the same bytes from the same seed, whole or absent, ordered, and named as DP1 names things."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy.spatial import cKDTree

from portal.archive.sample import stored
from portal.archive.sample.build import build_sample, folder_name, is_whole
from portal.archive.sample.camera import COMCAM
from portal.archive.sample.cells import leaf_of
from portal.archive.sample.presets import PRESETS
from portal.archive.sample.streams import normal, stream, uniform
from portal.archive.sample.visitsources import REACH
from portal.archive.schema import load
from portal.config import PRESETS as SETTINGS

TABLES = {
    "Object", "ForcedSource", "Visit", "CcdVisit", "DiaObject", "DiaSource", "ForcedSourceOnDiaObject",
    "Source", "CoaddPatches", "ObsCore", "MatchesTruth", "Truth", "SSObject", "SSSource", "MPCORB", "_render",
    "_light", "_moving", "_visits",
}  # fmt: skip
SOLAR = ("MPCORB", "SSObject", "SSSource")
SEED = 2026


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the tables by its path; pixels drawn later lie beside them."""
    found = (p for p in sorted([folder / "manifest.json", *(folder / "tables").rglob("*")]) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture(scope="module")
def read(sample: Path):
    """Columns of a table of the sample as arrays."""

    def arrays(name: str, *columns: str) -> list[np.ndarray]:
        table = stored.read(sample, name, columns)
        return [table[column].to_numpy() for column in columns]

    return arrays


def test_same_seed_gives_the_same_bytes_however_many_processes_build(sample: Path, tmp_path: Path) -> None:
    assert digests(build_sample("tiny", SEED, tmp_path / "one")) == digests(sample)
    assert digests(build_sample("tiny", SEED, tmp_path / "two", processes=2)) == digests(sample)


def test_another_seed_gives_another_sky(sample: Path, tmp_path: Path) -> None:
    other = build_sample("tiny", SEED + 1, tmp_path)
    mine, its = (stored.files(folder, "Object")[0].read_bytes() for folder in (sample, other))
    assert mine != its


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
    with stored.files(folder, "Object")[1].open("r+b") as file:
        file.truncate(1000)
    assert not is_whole(folder)
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


def test_manifest_tells_what_is_there(sample: Path) -> None:
    manifest = stored.manifest(sample)
    assert manifest["preset"] == "tiny" and manifest["seed"] == SEED
    assert manifest["fields"][0] == {"name": "main", "ra": 62.0, "dec": -37.0, "radius": 0.05}
    assert [field["name"] for field in manifest["fields"]] == ["main", "ecliptic"]
    assert set(manifest["tables"]) >= TABLES
    for name, table in manifest["tables"].items():
        files = stored.files(sample, name)
        assert table["rows"] == sum(pq.read_metadata(file).num_rows for file in files)
        assert table["bytes"] == sum(file.stat().st_size for file in files)
    known = {file for name in manifest["tables"] for file in stored.files(sample, name)}
    found = set((sample / "tables").rglob("*.parquet"))
    assert {file for file in found if file.name != "data_thumbnail.parquet"} == known
    rows = {name: table["rows"] for name, table in manifest["tables"].items()}
    assert 2200 < rows["Object"] < 3400
    assert rows["ForcedSource"] > 15 * rows["Object"]
    assert rows["Visit"] == 45 and rows["CcdVisit"] == 9 * 45


def test_presets_are_those_of_the_settings() -> None:
    assert tuple(PRESETS) == SETTINGS
    for preset in PRESETS.values():
        main, ecliptic = preset.fields
        assert (main.name, main.orbits, ecliptic.name) == ("main", 0, "ecliptic")
        assert ecliptic.radius_deg <= 0.25 and ecliptic.orbits > 0
    large, billion = PRESETS["large"].fields[0], PRESETS["billion"].fields[0]
    assert large.objects_expected > 1.05e7 and large.points_expected > 1.3e8 and billion.points_expected > 1.1e9


def test_every_table_is_in_sky_order(sample: Path) -> None:
    names = (
        "Object", "ForcedSource", "Source", "DiaObject", "DiaSource", "ForcedSourceOnDiaObject", "SSSource", "Truth",
        "_render",
    )  # fmt: skip
    for name in names:
        for file in stored.files(sample, name):
            leaf = pq.read_table(file, columns=["_healpix_29"], partitioning=None)[0].to_numpy()
            assert leaf.dtype == np.int64 and (np.diff(leaf) >= 0).all(), name


def test_the_stored_pixel_is_that_of_the_position(read) -> None:
    places = {
        "Object": ("coord_ra", "coord_dec"), "ForcedSource": ("coord_ra", "coord_dec"), "Source": ("ra", "dec"),
        "DiaObject": ("ra", "dec"), "DiaSource": ("ra", "dec"), "ForcedSourceOnDiaObject": ("coord_ra", "coord_dec"),
        "Truth": ("ra", "dec"), "Visit": ("ra", "dec"), "CcdVisit": ("ra", "dec"), "_render": ("ra", "dec"),
        "CoaddPatches": ("s_ra", "s_dec"), "ObsCore": ("s_ra", "s_dec"),
    }  # fmt: skip
    for name, position in places.items():
        ra, dec, leaf = read(name, *position, "_healpix_29")
        assert (leaf_of(ra, dec) == leaf).all(), name


def test_sources_are_the_brighter_part_of_forced_photometry(read) -> None:
    ids, ra, dec = read("Source", "sourceId", "ra", "dec")
    assert len(np.unique(ids)) == len(ids) and ids.min() > 2**53
    flux, error = read("ForcedSource", "psfFlux", "psfFluxErr")
    assert len(ids) == pytest.approx((flux > 5.0 * error).sum(), rel=0.01)
    where = cKDTree(np.stack(read("Object", "coord_ra", "coord_dec"), axis=1))
    assert where.query(np.stack([ra, dec], axis=1))[0].max() * 3600 < 2 * REACH


def test_a_source_is_where_its_pixels_say(sample: Path, read) -> None:
    """The pixel of a source, its exposure and the camera give back its position."""
    visit, detector, x, y, ra, dec = read("Source", "visit", "detector", "x", "y", "ra", "dec")
    details = stored.read(sample, "_visits").to_pydict()
    row = {number: k for k, number in enumerate(details["visit"])}
    at = np.array([row[number] for number in visit])
    ra0, dec0, turn = (np.array(details[name])[at] for name in ("ra", "dec", "rotation"))
    found = COMCAM.to_sky(ra0, dec0, turn, detector, x, y)
    assert np.hypot((found[0] - ra) * np.cos(np.radians(dec)), found[1] - dec).max() * 3600 < 0.2 / 64
    assert (x > -0.5).all() and (x < 4071.5).all() and (y > -0.5).all() and (y < 3999.5).all()


def test_ids_rise_are_unique_and_break_as_doubles(read) -> None:
    ids = read("Object", "objectId")[0]
    assert len(np.unique(ids)) == len(ids) and ids.min() > 2**53
    assert len(np.unique(ids.astype(np.float64))) < len(ids) / 4
    dia = read("DiaObject", "diaObjectId")[0]
    assert len(np.unique(dia)) == len(dia) and dia.min() > 2**53 and not np.isin(dia, ids).any()
    sources = read("DiaSource", "diaSourceId")[0]
    assert len(np.unique(sources)) == len(sources) and sources.min() > 2**53
    visits = read("Visit", "visit")[0]
    assert len(np.unique(visits)) == len(visits)


def test_light_curves_lie_together_in_time_order(sample: Path, read) -> None:
    for file in stored.files(sample, "ForcedSource"):
        forced = pq.read_table(file, columns=["objectId", "visit"], partitioning=None)
        ids, visit = (forced[name].to_numpy() for name in ("objectId", "visit"))
        assert (np.diff(ids) >= 0).all()
        assert (np.diff(visit)[np.diff(ids) == 0] > 0).all()  # visit numbers rise with time
        assert np.isin(ids, read("Object", "objectId")[0]).all()


def test_children_refer_to_what_exists(read) -> None:
    def column(table: str, name: str) -> np.ndarray:
        return read(table, name)[0]

    ccd = set(column("CcdVisit", "ccdVisitId").tolist())
    for table in ("ForcedSource", "DiaSource", "ForcedSourceOnDiaObject", "_moving"):
        made = column(table, "visit") * 1000 + column(table, "detector")
        assert set(np.unique(made).tolist()) <= ccd
    assert set(column("CcdVisit", "visitId")) == set(column("Visit", "visit"))
    known = set(column("DiaObject", "diaObjectId"))
    assert set(column("ForcedSourceOnDiaObject", "diaObjectId")) == known
    ids, solar = column("DiaSource", "diaObjectId"), column("DiaSource", "ssObjectId")
    fixed = ids[(ids > 0) & (np.nan_to_num(solar.astype(float)) == 0)].astype(np.int64)
    assert set(fixed) == known
    counted = dict(zip(*np.unique(fixed, return_counts=True), strict=True))
    stated = dict(zip(column("DiaObject", "diaObjectId"), column("DiaObject", "nDiaSources"), strict=True))
    assert counted == stated


def test_names_and_types_are_those_of_the_schema(sample: Path) -> None:
    schemas = load()
    kinds = {
        "long": pa.int64(), "int": pa.int32(), "short": pa.int32(), "double": pa.float64(), "float": pa.float32(),
        "boolean": pa.bool_(), "char": pa.string(), "unicodeChar": pa.string(),
    }  # fmt: skip
    home = {"ObsCore": "ivoa", "MatchesTruth": "dp02_dc2_catalogs"}
    for name in sorted(TABLES - {"Truth"}):
        if name.startswith("_"):
            continue
        schema = schemas[home.get(name, "dp1")]
        described = {
            c.name: c for c in next(t for k, t in schema.tables.items() if k.endswith(f".{name}") or k == name).columns
        }
        of_files = [pq.read_schema(file).remove_metadata() for file in stored.files(sample, name)]
        assert all(other.equals(of_files[0]) for other in of_files), name
        for field in of_files[0]:
            if not field.name.startswith("_") and name not in SOLAR:  # those serve more than one release
                assert field.name in described, f"{name}.{field.name}"
                assert field.type == kinds[described[field.name].datatype], f"{name}.{field.name}"
        if name == "Object":
            assert sum(not f.startswith("_") for f in of_files[0].names) >= 100
        elif name not in ("ObsCore", "Source", *SOLAR):
            assert set(described) <= set(of_files[0].names)


def test_nulls_stand_where_a_pipeline_leaves_them(sample: Path) -> None:
    objects = stored.read(sample, "Object", ["u_psfFlux", "u_psfMag", "u_psfFlux_flag", "r_psfFlux"])
    assert 0 < objects["u_psfFlux"].null_count < 200
    assert (
        objects["u_psfMag"].null_count
        == objects["u_psfFlux"].null_count + pc.sum(pc.less_equal(objects["u_psfFlux"], 0)).as_py()
    )
    assert pc.all(pc.equal(pc.is_null(objects["u_psfFlux"]), objects["u_psfFlux_flag"])).as_py()
    forced = stored.read(sample, "ForcedSource", ["psfDiffFlux", "psfDiffFlux_flag", "psfFlux"])
    assert pc.all(pc.equal(pc.is_null(forced["psfDiffFlux"]), forced["psfDiffFlux_flag"])).as_py()
    assert pc.sum(pc.less(forced["psfFlux"], 0)).as_py() > 100
    for name in ("Object", "ForcedSource", "DiaObject", "DiaSource"):
        table = stored.read(sample, name)
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
