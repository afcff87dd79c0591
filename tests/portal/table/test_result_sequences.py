"""Whatever is done to a result, in whatever order, its rows are those that pandas gives.

Sorts by several keys, filter boxes, free conditions, computed columns made, changed and deleted, marked rows, pages,
CSV exports; all on one result, checked after every step.
"""

import csv
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portal.look import Look
from portal.table.clauses import selection_sql
from portal.table.columns import Column, TableMeta
from portal.table.derive import Definition
from portal.table.export import export_stream
from portal.table.result import ResultTable
from portal.table.selection import rows_clause

FIRST_ID = 1_651_281_746_966_117_377
COLUMNS = (
    Column("id", "long", ucd="meta.id;meta.main"),
    Column("mag"),
    Column("flux", "float"),
    Column("n", "short"),
    Column("s", "char", "*"),
    Column("flag", "boolean"),
)
FILTERS = [
    ("mag", "> 21", lambda d: d.mag > 21),
    ("mag", "20..22 or null", lambda d: d.mag.between(20, 22) | d.mag.isna()),
    ("n", "in 1, 2, null", lambda d: d.n.isin([1, 2]) | d.n.isna()),
    ("n", "not (> 3) and !null", lambda d: ~(d.n > 3) & d.n.notna()),
    ("s", "a*", lambda d: d.s.str.lower().str.startswith("a")),
    ("s", "!= b", lambda d: d.s != "b"),
    ("flag", "true", lambda d: d.flag),
    ("id", f">= {FIRST_ID + 40}", lambda d: d.id >= FIRST_ID + 40),
    ("id", f"!= {FIRST_ID + 1}", lambda d: d.id != FIRST_ID + 1),
]
CONDITIONS = [
    ("mag - n > 19", lambda d: d.mag - d.n > 19),
    ("n % 2 = 1 OR s IS NULL", lambda d: (d.n % 2 == 1).astype("boolean") | d.s.isna()),
    ("flux BETWEEN -50 AND 50 AND NOT flag", lambda d: d.flux.between(-50, 50) & ~d.flag),
    (
        f"id IN ({FIRST_ID}, {FIRST_ID + 2}, {FIRST_ID + 7})",
        lambda d: d.id.isin([FIRST_ID, FIRST_ID + 2, FIRST_ID + 7]),
    ),
    ("s LIKE '%b%'", lambda d: d.s.str.contains("b")),
]
MADE = [
    ("mag * 2 + n", lambda d: d.mag * 2 + d.n),
    ("CASE WHEN flux > 0 THEN 31.4 - 2.5 * log10(flux) END", lambda d: 31.4 - 2.5 * np.log10(bright(d))),
    ("id", lambda d: d.id),
    ("row_number()", lambda d: pd.Series(range(1, len(d) + 1), dtype="Int64")),
    ("concat(s, '!')", lambda d: d.s.fillna("") + "!"),
    ("CASE WHEN flag THEN mag ELSE flux END", lambda d: d.mag.where(d.flag.fillna(False), d.flux.astype("Float64"))),
]  # fmt: skip
TEXTS = np.array(["a", "b", "ab", "", 'A,"x"\n', "ä"])
NAMES = [item.name for item in COLUMNS]


def bright(data: pd.DataFrame) -> pd.Series:
    """The fluxes that have a magnitude."""
    return data.flux.astype("Float64").where((data.flux > 0).fillna(False))


def frame(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    hole = lambda values: values.mask(pd.Series(random.random(rows) < 0.15))  # noqa: E731
    return pd.DataFrame(
        {
            "id": pd.Series(FIRST_ID + random.permutation(rows), dtype="Int64"),
            "mag": hole(pd.Series(random.integers(180, 240, rows) / 10, dtype="Float64")),
            "flux": hole(pd.Series(random.normal(0, 90, rows).astype("f4"), dtype="Float32")),
            "n": hole(pd.Series(random.integers(0, 6, rows), dtype="Int16")),
            "s": hole(pd.Series(TEXTS[random.integers(0, 6, rows)], dtype="string")),
            "flag": hole(pd.Series(random.random(rows) < 0.5, dtype="boolean")),
        }
    )  # fmt: skip


def stored(folder: Path, data: pd.DataFrame, pieces: int = 3) -> ResultTable:
    meta = TableMeta(COLUMNS)
    table = pa.table([pa.Array.from_pandas(data[item.name], type=item.arrow) for item in COLUMNS], names=NAMES)
    result = ResultTable.create(folder, meta)
    for batch in table.to_batches(max_chunksize=-(-len(data) // pieces)):
        result.append(batch)
    result.finish()
    return result


class Sequences(RuleBasedStateMachine):
    """``data`` is what pandas says of the result; ``look`` how it is looked at."""

    @initialize(rows=st.integers(1, 120), seed=st.integers(0, 5))
    def begin(self, rows, seed):
        self.folder = Path(tempfile.mkdtemp(prefix="triview-test-"))
        self.data = frame(rows, seed)
        self.result = stored(self.folder / "r", self.data)
        self.look = Look()
        self.kept = {}  # filter text and condition as masks over the frame
        self.made = {}

    @rule(keys=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=3, unique_by=lambda key: key[0]))
    def sort(self, keys):
        names = [item.name for item in self.result.meta.columns]
        sort = dict(reversed([(names[at % len(names)], down) for at, down in keys]))
        self.look = self.look._replace(sort=tuple(sort.items()))

    @rule(chosen=st.sampled_from(FILTERS))
    def filter(self, chosen):
        column, text, mask = chosen
        self.look = self.look.with_filter(column, text)
        self.kept[column] = mask

    @rule(chosen=st.sampled_from(CONDITIONS))
    def condition(self, chosen):
        self.look = self.look._replace(condition=chosen[0])
        self.kept["condition"] = chosen[1]

    @rule()
    def all_rows(self):
        self.look, self.kept = self.look._replace(filters=(), condition="", kept=()), {}

    @rule(chosen=st.sampled_from(MADE), at=st.integers(0, 2))
    def derive(self, chosen, at):
        name, (text, values) = f"made{at}", chosen
        if name in self.made:
            self.result.change_derived(name, Definition(name, text))
        else:
            self.result.derive(name, text)
        self.made[name] = values(self.data).reset_index(drop=True)

    @precondition(lambda self: self.made)
    @rule()
    def derive_from_derived(self):
        name = next(iter(self.made))
        if pd.api.types.is_numeric_dtype(self.made[name].dtype) and "twice" not in self.made:
            self.result.derive("twice", f"{name} * 2")
            self.result.drop_derived("twice")

    @precondition(lambda self: self.made)
    @rule()
    def drop(self):
        name = next(iter(self.made))
        self.result.drop_derived(name)
        del self.made[name]
        self.look = self.look.without_column(name)

    @rule(bits=st.integers(0, 2**20))
    def keep_marked(self, bits):
        rows = [row for row in range(len(self.data)) if bits >> (row % 20) & 1]
        clause = rows_clause(np.array(rows, int), "table")
        assert self.result.where(selection_sql((clause,))).tolist() == rows
        self.look = self.look._replace(kept=(clause,))
        self.kept["rows"] = lambda data: pd.Series(np.isin(np.arange(len(data)), rows))

    @rule()
    def open_again(self):
        self.result.close()
        self.result = ResultTable.open(self.folder / "r")

    # what must hold

    def expected(self) -> pd.DataFrame:
        data = self.data.assign(**self.made)
        for mask in self.kept.values():
            data = data[mask(self.data).fillna(False).astype(bool).reindex(data.index)]
        for name, down in reversed(self.look.sort):
            data = data.sort_values(name, ascending=not down, kind="stable", na_position="last")
        return data

    @invariant()
    def the_same_rows(self):
        wanted = self.expected()
        names = [item.name for item in self.result.meta.columns]
        assert set(names) == set(wanted.columns)
        view = self.look.row_view(self.result.meta)
        assert self.result.count(view) == len(wanted)
        for start in (0, max(0, len(wanted) - 7)):
            rows, cells = self.result.page(view, start, 10)
            part = wanted.iloc[start : start + 10]
            assert rows.tolist() == part.index.tolist()
            for name in names:
                same(cells[name].to_pylist(), part[name])
        if len(wanted):
            assert self.result.place(view, int(wanted.index[-1])) == len(wanted) - 1

    @rule()
    def export(self):
        wanted = self.expected()
        text = b"".join(export_stream(self.result, self.look.row_view(self.result.meta), "csv")).decode()
        header, *lines = csv.reader(io.StringIO(text))
        assert [line[0] for line in lines] == [str(item) for item in wanted.id]
        for name in self.made:
            texts = [line[header.index(name)] for line in lines]
            if wanted[name].dtype != "string":
                same([None if text == "" else float(text) for text in texts], wanted[name].astype("Float64"))

    def teardown(self):
        if hasattr(self, "result"):
            self.result.close()
            shutil.rmtree(self.folder)


def same(found: list, wanted: pd.Series) -> None:
    for mine, theirs in zip(found, wanted, strict=True):
        if pd.isna(theirs):
            assert mine is None
        elif isinstance(theirs, float):
            assert mine == pytest.approx(theirs, rel=1e-6, abs=1e-12)
        else:
            assert mine == theirs


Sequences.TestCase.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
TestSequences = Sequences.TestCase


@pytest.mark.stilts
@pytest.mark.skipif(not shutil.which("stilts"), reason="the stilts command is not here")
def test_stilts_sorts_selects_and_computes_the_same(tmp_path):
    result = stored(tmp_path / "r", frame(400, 9))
    result.derive("made", "CASE WHEN flux > 0 THEN 31.4 - 2.5 * log10(flux) END")
    (tmp_path / "all.vot").write_bytes(b"".join(export_stream(result, columns=NAMES)))
    steps = (
        "addcol made 'flux > 0 ? 31.4 - 2.5*log10(flux) : NULL'; select 'n < 4 && !NULL_n && mag > 20'; "
        "sort made; keepcols 'id made'"
    )
    command = ["stilts", "tpipe", f"in={tmp_path / 'all.vot'}", f"cmd={steps}", "ofmt=csv"]
    theirs = list(csv.reader(io.StringIO(subprocess.run(command, check=True, capture_output=True, text=True).stdout)))
    look = Look(sort=(("made", False),), filters=(("n", "< 4"),), condition="mag > 20")
    mine = b"".join(export_stream(result, look.row_view(result.meta), "csv", columns=["id", "made"])).decode()
    mine = list(csv.reader(io.StringIO(mine)))
    cut = [line for line in theirs[1:] if line[1]]
    assert len(mine) == len(theirs) > 50
    assert [line[0] for line in mine[1 : len(cut) + 1]] == [line[0] for line in cut]
    np.testing.assert_allclose(
        [float(line[1]) for line in mine[1 : len(cut) + 1]], [float(line[1]) for line in cut], rtol=1e-6
    )
    assert {line[0] for line in mine} == {line[0] for line in theirs}
