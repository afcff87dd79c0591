"""The files of a finished sample, found by its manifest, and their rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from portal.errors import FormatError

MANIFEST = "manifest.json"


def manifest(sample: Path) -> dict[str, Any]:
    """What a sample says of itself; FormatError when it says nothing that can be read."""
    try:
        return json.loads((Path(sample) / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise FormatError(f"{sample} is not a sample sky: {error}", "Build the sample again.") from error


def files(sample: Path, name: str) -> list[Path]:
    """Files of a table in the order of the sky; KeyError for a table that is not there."""
    return [Path(sample) / "tables" / file for file in manifest(sample)["tables"][name]["files"]]


def read(sample: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of a table; columns that are dictionaries in the files come as plain values."""
    parts = [pq.read_table(file, columns=columns and list(columns), partitioning=None) for file in files(sample, name)]
    return pa.concat_tables(parts)
