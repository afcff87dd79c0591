"""Tables to test with: every VOTable type, nulls, 64-bit identifiers, awkward text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portal.table.columns import Column, TableMeta

FIRST_ID = 1_651_281_746_966_117_378

COLUMNS = (
    Column("objectId", "long", ucd="meta.id;meta.main", description="Unique id", id="objectId"),
    Column("parentId", "long", description="Null for most"),
    Column("coord_ra", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
    Column("coord_dec", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
    Column("tract", "int"),
    Column("visits", "short", null="-9"),
    Column("level", "unsignedByte"),
    Column("flux", "float", unit="nJy", ucd="phot.flux"),
    Column("mag", "double", unit="mag"),
    Column("primary", "boolean"),
    Column("flag", "boolean"),
    Column("band", "char"),
    Column("name", "char", "*", description='A <b>name</b> & "more"'),
)


def make_table(rows: int, seed: int = 1) -> tuple[TableMeta, pa.Table]:
    """A table of ``rows`` rows, the same for the same seed."""
    random = np.random.default_rng(seed)
    hole = lambda share: random.random(rows) < share  # noqa: E731
    names = np.array(["plain", "a<b & c>d", "", "naïve ☄", 'say "so"', "it's, fine"])
    arrays = [
        pa.array(FIRST_ID + random.permutation(rows)),
        pa.array(FIRST_ID + random.integers(0, 9, rows), mask=hole(0.4)),
        pa.array(random.uniform(61, 63, rows)),
        pa.array(random.uniform(-38, -36, rows)),
        pa.array(random.integers(0, 5, rows).astype("i4")),
        pa.array(random.integers(0, 300, rows).astype("i2"), mask=hole(0.1)),
        pa.array(random.integers(0, 256, rows).astype("u1")),
        pa.array(random.normal(100, 80, rows).astype("f4"), mask=hole(0.1)),
        pa.array(random.normal(22, 2, rows), mask=hole(0.1)),
        pa.array(random.random(rows) < 0.5),
        pa.array(random.random(rows) < 0.5, mask=hole(0.2)),
        pa.array(np.array(list("ugrizy"))[random.integers(0, 6, rows)]),
        pa.array(names[random.integers(0, len(names), rows)], mask=hole(0.2)),
    ]
    meta = TableMeta(COLUMNS, name="Object", description="Objects & more")
    return meta, pa.table(arrays, schema=meta.to_schema())


@pytest.fixture
def votlint(tmp_path: Path) -> Callable[..., str]:
    """What ``stilts votlint`` says of VOTables, in one process: Java takes a second to start.

    Each document becomes a RESOURCE of one; their IDs and names are kept apart.
    """

    def lint(*documents: bytes) -> str:
        opening, parts = "", []
        for number, document in enumerate(documents):
            text = re.sub(r' (ID|ref)="', rf' \1="d{number}_', document.decode())
            text = re.sub(r'(<RESOURCE [^>]* name=")', rf"\1d{number}_", text)
            opening, _, rest = text.partition("<RESOURCE")
            parts.append("<RESOURCE" + rest.removesuffix("</VOTABLE>\n"))
        (tmp_path / "all.vot").write_text(opening + "".join(parts) + "</VOTABLE>\n")
        command = ["stilts", "votlint", str(tmp_path / "all.vot")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return ended.stdout + ended.stderr

    return lint


@pytest.fixture
def table_of() -> Callable[[int], tuple[TableMeta, pa.Table]]:
    return make_table


@pytest.fixture(scope="session")
def objects() -> tuple[TableMeta, pa.Table]:
    return make_table(3000)
