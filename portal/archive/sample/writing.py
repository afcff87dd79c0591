"""Parquet files as the sample keeps them: zstd, rounded mantissas, NaN as null, no trace of the build machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FLUX_BITS, ERROR_BITS = 12, 8  # mantissa bits kept: relative steps of 1.2e-4 and 2e-3
ROW_GROUP = 262144
LOOKED_UP = ("Id", "_healpix_29", "ra", "dec", "visit", "band")  # endings of the names of such columns
# Numbers that hardly repeat. What does repeat comes as ``repeated`` or as text and is kept as a dictionary.
NUMBERS = (pa.float32(), pa.float64(), pa.int64())


def keep_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """float32 with the mantissa rounded to so many bits (of 23); NaN and infinities stay."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    drop = 23 - bits
    raw = values.view(np.uint32)
    rounded = (raw + np.uint32(1 << (drop - 1))) & np.uint32(0xFFFFFFFF ^ ((1 << drop) - 1))
    return np.where(np.isfinite(values), rounded, raw).view(np.float32)


def as_double(values: np.ndarray, bits: int) -> np.ndarray:
    """float64 with no more mantissa than ``keep_bits`` leaves, for columns that the schema calls double."""
    return keep_bits(values, bits).astype(np.float64)


def cell_array(values: Any) -> pa.Array:
    """Arrow values of a column: NaN becomes null, everything else keeps its type."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    values = np.asarray(values)
    if values.dtype.kind in "US":
        return pa.array(values.tolist(), pa.string())
    if values.dtype.kind == "f":
        return _float_array(np.ascontiguousarray(values))
    return pa.array(values)


def _float_array(values: np.ndarray) -> pa.Array:
    """NaN as null: the bits of validity are made here, fifteen times as quick as Arrow looks at each value."""
    gone = np.isnan(values)
    if not gone.any():
        return pa.array(values)
    valid = pa.py_buffer(np.packbits(~gone, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [valid, pa.py_buffer(values)])


def repeated(values: Any, index: np.ndarray) -> pa.Array:
    """``values[index]`` kept as a dictionary, which Parquet stores without looking at the values again."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), cell_array(values))


def _encoding(column: pa.ChunkedArray) -> str:
    """Bytes of floats apart, steps of rising integers, other integers as they are."""
    if pa.types.is_floating(column.type):
        return "BYTE_STREAM_SPLIT"
    values = column.to_numpy()
    return "DELTA_BINARY_PACKED" if column.null_count == 0 and (np.diff(values) >= 0).all() else "PLAIN"


class TableFile:
    """A Parquet file that grows by row groups. Closing it gives the rows written.

    ``whole``: only floats may be null, and statistics are kept of what rows are looked up by. Twice as quick to write,
    for tables of millions of rows.
    """

    def __init__(self, path: Path, whole: bool = False) -> None:
        self.path = path
        self.rows = 0
        self._whole = whole
        self._writer: pq.ParquetWriter | None = None

    def add(self, columns: Mapping[str, Any]) -> None:
        """Append a block as one row group (or several of ROW_GROUP rows)."""
        arrays = {name: cell_array(values) for name, values in columns.items()}
        fields = [pa.field(k, v.type, not self._whole or pa.types.is_floating(v.type)) for k, v in arrays.items()]
        table = pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            encoding = {f.name: _encoding(table[f.name]) for f in table.schema if f.type in NUMBERS}
            looked_up = [f.name for f in table.schema if f.name.endswith(LOOKED_UP)]
            self._writer = pq.ParquetWriter(
                self.path, table.schema, compression="zstd", compression_level=3, store_schema=False,
                use_dictionary=[f.name for f in table.schema if f.name not in encoding], column_encoding=encoding,
                write_statistics=looked_up if self._whole else True,
            )  # fmt: skip
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows

    def close(self) -> dict[str, int]:
        """Rows and bytes of the finished file."""
        if self._writer is not None:
            self._writer.close()
        return {"rows": self.rows, "bytes": self.path.stat().st_size}


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns one below the other; all parts have the same names."""
    if len(parts) == 1:
        return dict(parts[0])
    return {name: pa.concat_arrays([_plain(part[name]) for part in parts]) for name in parts[0]}


def _plain(values: Any) -> pa.Array:
    made = cell_array(values)
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def write_table(path: Path, columns: Mapping[str, Any]) -> dict[str, int]:
    """A whole table at once."""
    file = TableFile(path)
    file.add(columns)
    return file.close()
