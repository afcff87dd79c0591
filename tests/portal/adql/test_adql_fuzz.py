"""Random ADQL: what is right means what plain SQL means, what is wrong is a QueryError, and neither is ever a crash."""

from __future__ import annotations

import importlib.util
import math
import random
import sqlite3
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy_healpix import core
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.adql.catalog import Catalog, TableDef
from portal.adql.compile import compile_adql
from portal.errors import QueryError
from portal.table.columns import Column

# Test folders are no packages, so a neighbour is loaded by its path.
_SPEC = importlib.util.spec_from_file_location("adql_trees", Path(__file__).with_name("adql_trees.py"))
trees = importlib.util.module_from_spec(_SPEC)
sys.modules["adql_trees"] = trees  # dataclasses look their module up
_SPEC.loader.exec_module(trees)

NAMES = ("id", "x", "y", "w", "f", "ra", "dec")
TYPES = ("long", "int", "double", "char", "boolean", "double", "double")


def _rows(count: int, seed: int) -> list[tuple]:
    pick = random.Random(seed)
    rows = []
    for number in range(count):
        ra, dec = pick.choice(trees.PLACES)
        dec = max(-90.0, min(90.0, dec + pick.choice([0.0, 0.01, 0.06, -0.3])))
        ra = (ra + pick.choice([0.0, 0.02, -0.1, 0.5])) % 360
        if pick.random() < 0.1:
            ra = dec = None
        y = pick.choice([None, 0.0, 0.5, -1.25, 2.0, 7.5])
        flag = pick.choice([0, 1, None])
        rows.append((number, pick.choice([None, 0, 1, 2, 3, -4]), y, pick.choice([None, *trees.WORDS]), flag, ra, dec))
    return rows


@pytest.fixture(scope="module")
def engines() -> tuple[duckdb.DuckDBPyConnection, Catalog, sqlite3.Connection]:
    connection, tables, plain = duckdb.connect(config={"threads": 1}), [], {}
    for seed, (name, count) in enumerate({"T": 24, "U": 9}.items()):
        rows = plain[name] = _rows(count, seed)
        columns = dict(zip(NAMES, map(list, zip(*rows))))
        known = [at for at, ra in enumerate(columns["ra"]) if ra is not None]
        pixel: list[int | None] = [None] * count
        at = np.array(known)
        ra, dec = (np.array([columns[n][i] for i in known]) for n in ("ra", "dec"))
        for place, value in zip(at, core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**29, order="nested")):
            pixel[int(place)] = int(value)
        arrow = pa.table({
            "id": pa.array(columns["id"], pa.int64()), "x": pa.array(columns["x"], pa.int32()),
            "y": pa.array(columns["y"], pa.float64()), "w": pa.array(columns["w"], pa.string()),
            "f": pa.array([None if f is None else bool(f) for f in columns["f"]], pa.bool_()),
            "ra": pa.array(columns["ra"], pa.float64()), "dec": pa.array(columns["dec"], pa.float64()),
            "_healpix_29": pa.array(pixel, pa.int64()),
        })  # fmt: skip
        connection.register("arriving", arrow)
        connection.execute(f'CREATE TABLE "s.{name}" AS FROM arriving')
        listed = tuple(Column(n, kind, "*" if kind == "char" else "") for n, kind in zip(NAMES, TYPES))
        healpix = "_healpix_29" if name == "T" else None
        tables.append(TableDef("s", name, listed, f'"s.{name}"', ("ra", "dec"), healpix))
    return connection, Catalog(tables), trees.oracle(plain)


def _plain(rows: list[tuple]) -> list[tuple]:
    """Rows that can be compared: numbers with nine digits, flags as numbers, in an order of their own."""

    def one(value):
        if isinstance(value, (bool, int, float)) or hasattr(value, "as_tuple"):
            return 0.0 if abs(float(value)) < 1e-12 else float(f"{float(value):.9g}")
        return value

    return sorted((tuple(map(one, row)) for row in rows), key=lambda row: [(v is None, str(type(v)), v) for v in row])


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(trees.queries())
def test_random_queries_mean_what_plain_sql_means(engines, query) -> None:
    connection, catalog, plain = engines
    adql, sql = query
    compiled = compile_adql(adql, catalog)
    try:
        want = plain.execute(sql).fetchall()
    except sqlite3.OperationalError as error:
        assert "integer overflow" in str(error), (sql, error)
        return
    got = connection.execute(compiled.sql).fetchall()
    if any(isinstance(v, float) and not math.isfinite(v) for row in got for v in row):
        return
    assert _plain(got) == _plain(want), f"\n{adql}\n{sql}\n{compiled.sql}"


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(trees.queries(1), st.randoms(use_true_random=False))
def test_queries_with_a_fault_are_answered_or_refused(engines, query, pick) -> None:
    """A word left out, doubled, moved or put in: a query or a QueryError whose place is in the text."""
    connection, catalog, _ = engines
    words = query[0].replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split(" ")
    for _ in range(pick.randint(1, 3)):
        at = pick.randrange(len(words))
        pick.choice([
            lambda at=at: words.pop(at) if len(words) > 1 else None,
            lambda at=at: words.insert(at, words[at]),
            lambda at=at: words.insert(at, words.pop(pick.randrange(len(words)))) if len(words) > 1 else None,
            lambda at=at: words.insert(at, pick.choice(["(", ")", "SELECT", "JOIN", "a.id", "'{1}'", "NULL", "OVER"])),
        ])()  # fmt: skip
    text = " ".join(words)
    try:
        compiled = compile_adql(text, catalog)
    except QueryError as error:
        assert error.message and (error.line == 0 or 1 <= error.column <= len(text) + 1)
        return
    try:
        connection.execute(compiled.sql).fetchall()
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.BinderException):
        return  # types that only the engine knows, as in 'a' + 1; it says so
