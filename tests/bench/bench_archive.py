"""The archive by HTTP against a full scan of its Parquet files by DuckDB and against PostgreSQL with q3c, same rows.

Ours is the whole way of a TAP client: ADQL in a synchronous request, all of the VOTable back. The scan is made in this
process and left as Arrow; PostgreSQL answers an open `psql` in its binary form. Without PostgreSQL and q3c the rest is
measured all the same. ``python -m tests.bench archive --data FOLDER`` takes a finished sample instead of making one.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
from astropy.io.votable import from_table, writeto
from astropy.table import Table

from portal.archive.sample import stored
from portal.archive.sample.build import build_sample
from portal.table.votable_read import read_votable
from tests.bench import crowd, postgres
from tests.bench.archive_process import Tap, count, served

PRESET = os.environ.get("TRIVIEW_BENCH_PRESET", "default")
SEED = 2026
CONES = (("10 arcsec", 10 / 3600, 15), ("1 arcmin", 1 / 60, 15), ("1 deg", 1.0, 5))  # name, degrees, how many
CURVES = 15
FORCED_ROWS = 20_000_000  # of forced sources go into PostgreSQL: those of the first files, whole light curves
WRITTEN = 1_000_000  # rows of the VOTable
ASTROPY_ROWS = 50_000  # astropy takes too long for more; its time is scaled by rows
FLUXES = tuple(f"{band}_psfFlux" for band in "ugrizy")
SHOWN = ("objectId", "coord_ra", "coord_dec", *FLUXES, "g_psfFluxErr", "refExtendedness")
CURVE = ("objectId", "visit", "detector", "band", "psfFlux", "psfFluxErr")
TYPES = {"BIGINT": "bigint", "INTEGER": "integer", "SMALLINT": "smallint", "FLOAT": "real", "DOUBLE": "float8"}
MAG = "CASE WHEN {0} > 0 THEN 31.4 - 2.5 * log10({0}::float8) END"


class Yardsticks:
    """DuckDB over the files, and PostgreSQL when there is one."""

    def __init__(self, sample: Path, server: postgres.Postgres | None) -> None:
        self.duck = duckdb.connect()
        self.duck.execute("SET parquet_metadata_cache = true; SET enable_progress_bar = false")
        self.server = server
        self.files = {name: stored.files(sample, name) for name in ("Object", "ForcedSource")}
        for name, files in self.files.items():
            paths = [str(file) for file in files]
            self.duck.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({paths}, hive_partitioning = false)")
        self.rows = {name: self.duck.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in self.files}
        self.forced = self._first_forced()

    def _first_forced(self) -> list[Path]:
        taken, rows = [], 0
        for file in self.files["ForcedSource"]:
            taken.append(file)
            rows += self.duck.execute(f"SELECT count(*) FROM read_parquet('{file}')").fetchone()[0]
            if rows >= FORCED_ROWS:
                break
        self.forced_rows = rows
        return taken

    def scan(self, query: str) -> float:
        """Seconds of DuckDB for ``query`` over the files, to Arrow in memory."""
        started = time.perf_counter()
        self.duck.sql(query).to_arrow_table()
        return time.perf_counter() - started

    def load(self) -> str:
        """Fill PostgreSQL, with the indexes its users would make; what was loaded."""
        started = time.perf_counter()
        for table, columns, files in (("Object", SHOWN, self.files["Object"]), ("ForcedSource", CURVE, self.forced)):
            known = dict(row[:2] for row in self.duck.execute(f"DESCRIBE {table}").fetchall())
            self.server.load(table, [(name, TYPES.get(known[name], "text")) for name in columns], files)
        for command in (
            "CREATE INDEX place ON Object (q3c_ang2ipix(coord_ra, coord_dec))",
            "CLUSTER Object USING place",
            "CREATE INDEX ON ForcedSource (objectId)",
            "VACUUM ANALYZE Object",
            "VACUUM ANALYZE ForcedSource",
        ):
            self.server.run(command)
        return (
            f"{self.rows['Object']:,} Objects and {self.forced_rows:,} of {self.rows['ForcedSource']:,} ForcedSources, "
            f"loaded and indexed in {time.perf_counter() - started:.0f} s"
        )


def run(data: Path | None = None) -> Iterator[tuple[str, str]]:
    """(what was measured, figures and ratios). ``data`` is a finished sample or a folder that holds one."""
    with tempfile.TemporaryDirectory() as folder:
        sample = _finished(data) if data else build_sample(PRESET, SEED, Path(folder) / "sky")
        lacking = postgres.missing()
        if lacking:
            yield f"without PostgreSQL: {lacking}", ""
            yield from _all(sample, Path(folder), None)
            return
        with postgres.cluster() as server:
            yield from _all(sample, Path(folder), server)


def _finished(folder: Path) -> Path:
    found = [folder] if (folder / stored.MANIFEST).exists() else sorted(folder.glob(f"*/{stored.MANIFEST}"))
    if not found:
        raise SystemExit(f"{folder} holds no finished sample.")
    return found[0] if found[0].is_dir() else found[0].parent


def _all(sample: Path, folder: Path, server: postgres.Postgres | None) -> Iterator[tuple[str, str]]:
    theirs = Yardsticks(sample, server)
    yield f"sample {sample.name}: Objects, ForcedSources", " ".join(f"{n:,}" for n in theirs.rows.values())
    if server:
        yield f"PostgreSQL {server.version}", theirs.load()
    with served(sample, folder / "state") as url:
        tap = Tap(url)
        places = _places(theirs)
        for name, radius, times in CONES:
            yield from _row(f"cone of {name}", [_cone(*place, radius) for place in places[:times]], tap, theirs)
        yield from _row("light curve by objectId", [_curve(ident) for ident in _ids(theirs)], tap, theirs)
        yield from _row("colour-magnitude histogram by GROUP BY, all Objects", [_histogram()] * 3, tap, theirs)
        yield from _written(tap)
        yield from crowd.run(url)


def _row(what: str, queries: Sequence[tuple[str, str, str]], tap: Tap, theirs: Yardsticks) -> Iterator[tuple[str, str]]:
    """Medians of the three ways on the same queries, taken by turns so that a busy machine slows all alike."""
    ways: list[tuple[str, Callable[[tuple[str, str, str]], float]]] = [("DuckDB scan", lambda q: theirs.scan(q[1]))]
    if theirs.server:
        ways.append(("PostgreSQL", lambda q: theirs.server.fetch(q[2])))
    rows = [count(tap.ask(query[0])[1]) for query in queries]  # also warms up
    for _, way in ways:
        way(queries[0])
    ours: list[float] = []
    other: dict[str, list[float]] = {name: [] for name, _ in ways}
    for query in queries:
        ours.append(tap.ask(query[0])[0])
        for name, way in ways:
            other[name].append(way(query))
    mine = statistics.median(ours)
    yield f"{what}, {statistics.median(rows):,.0f} rows: TAP by HTTP", f"{mine * 1e3:,.1f} ms"
    for name, times in other.items():
        took = statistics.median(times)
        yield f"  {name}", f"{took * 1e3:,.1f} ms; ours takes {mine / took:.3g} of it"


def _places(theirs: Yardsticks) -> list[tuple[float, float]]:
    """Positions of Objects well inside the field."""
    middle = theirs.duck.execute("SELECT median(coord_ra), median(coord_dec) FROM Object").fetchone()
    found = theirs.duck.execute(
        "SELECT coord_ra, coord_dec FROM Object WHERE abs(coord_ra - ?) < 1.5 AND abs(coord_dec - ?) < 1.2 "
        "ORDER BY hash(objectId) LIMIT 15", middle,
    ).fetchall()  # fmt: skip
    return [(round(ra, 6), round(dec, 6)) for ra, dec in found]


def _ids(theirs: Yardsticks) -> list[int]:
    """Objects whose forced sources are in PostgreSQL too."""
    paths = [str(file) for file in theirs.forced]
    query = f"SELECT DISTINCT objectId FROM read_parquet({paths}) ORDER BY hash(objectId) LIMIT {CURVES}"
    return [row[0] for row in theirs.duck.execute(query).fetchall()]


def _cone(ra: float, dec: float, radius: float) -> tuple[str, str, str]:
    """One cone search as ADQL, as SQL of a full scan, and with q3c."""
    columns = ", ".join(SHOWN)
    haversine = (
        f"pow(sin(radians(coord_dec - {dec!r}) / 2), 2) + cos(radians(coord_dec)) * cos(radians({dec!r}))"
        f" * pow(sin(radians(coord_ra - {ra!r}) / 2), 2) <= pow(sin(radians({radius!r}) / 2), 2)"
    )
    circle = f"CIRCLE('ICRS', {ra!r}, {dec!r}, {radius!r})"
    return (
        f"SELECT {columns} FROM dp1.Object WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), {circle}) = 1",
        f"SELECT {columns} FROM Object WHERE {haversine}",
        f"SELECT {columns} FROM Object WHERE q3c_radial_query(coord_ra, coord_dec, {ra!r}, {dec!r}, {radius!r})",
    )


def _curve(ident: int) -> tuple[str, str, str]:
    """Every forced flux of one object."""
    query = f"SELECT {', '.join(CURVE[1:])} FROM ForcedSource WHERE objectId = {ident}"
    return query.replace("FROM ", "FROM dp1."), query, query


def _histogram() -> tuple[str, str, str]:
    """Numbers of objects by 0.1 mag of r and of g - r."""
    mag = "scisql_nanojanskyToAbMag({}_psfFlux)"
    adql = (
        f"SELECT FLOOR(10 * {mag.format('r')}) AS r_bin, "
        f"FLOOR(10 * ({mag.format('g')} - {mag.format('r')})) AS colour_bin, "
        "COUNT(*) AS n FROM dp1.Object GROUP BY r_bin, colour_bin"
    )
    g, r = MAG.format("g_psfFlux"), MAG.format("r_psfFlux")
    sql = (
        f"SELECT floor(10 * ({r})) AS r_bin, floor(10 * (({g}) - ({r}))) AS colour_bin, count(*) AS n "
        "FROM Object GROUP BY 1, 2"
    )
    return adql, sql, sql


def _written(tap: Tap) -> Iterator[tuple[str, str]]:
    """How fast a large VOTable comes, whole way, against astropy writing such rows to memory."""
    query = f"SELECT TOP {WRITTEN} {', '.join(SHOWN)} FROM dp1.Object"
    tap.ask(query)
    took, content = min(tap.ask(query) for _ in range(3))
    meta, rows = read_votable(content)
    some = rows.slice(0, ASTROPY_ROWS)
    table = from_table(Table(some.to_pandas().to_dict("series")))
    started = time.perf_counter()
    writeto(table, io.BytesIO(), tabledata_format="binary2")
    theirs = (time.perf_counter() - started) / some.num_rows * rows.num_rows
    size = len(content) / 1e6
    yield (
        f"VOTable BINARY2 of {rows.num_rows:,} rows, {len(meta.columns)} columns, {size:.0f} MB: TAP by HTTP",
        f"{took * 1e3:,.0f} ms, {size / took:,.0f} MB/s",
    )
    yield "  astropy writing the same to memory", f"{theirs * 1e3:,.0f} ms; ours takes {took / theirs:.3g} of it"


if __name__ == "__main__":
    for name, figure in run():
        print(f"{name:72} {figure}")
