"""Asking a sample's stored tables in SQL."""

from __future__ import annotations

import duckdb
import numpy as np


def columns(db: duckdb.DuckDBPyConnection, query: str) -> dict[str, np.ndarray]:
    return {k: np.ma.filled(v, np.nan) if v.dtype.kind == "f" else v for k, v in db.execute(query).fetchnumpy().items()}
