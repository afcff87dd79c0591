"""What the rows of a table turn out to be, found in one pass before they are written: lengths, nulls, extremes.

FITS, IPAC and the BINARY of VOTable must know in their header what only the rows tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import LimitError
from portal.table.columns import Column, fixed_length
from portal.table.votable_values import NUMPY, WHOLE, null_number

ODD = -8_765_432_109_876_543_210  # stands for null where the data use both ends of 64 bits


@dataclass
class Seen:
    """One column. ``longest`` counts characters of a text or members of an array, ``total`` their sum over all rows.

    ``least`` and ``most`` are those of whole numbers (of the members of an array), both 0 when there is none;
    ``holes`` tells of nulls inside arrays, ``words`` holds those of the words asked for that are cells.
    """

    nulls: bool = False
    holes: bool = False
    ascii: bool = True
    shortest: int = -1
    longest: int = 0
    total: int = 0
    least: int = 0
    most: int = 0
    odd: bool = False
    words: set[str] = field(default_factory=set)
    _any: bool = False

    def look(self, array: pa.Array, words: pa.Array | None = None) -> None:
        """Take in the cells of one batch."""
        self.nulls |= array.null_count > 0
        kind = array.type
        if pa.types.is_string(kind):
            self.ascii &= pc.all(pc.string_is_ascii(array)).as_py() is not False
            self._lengths(pc.utf8_length(array))
            if words is not None:
                self.words.update(pc.unique(array.filter(pc.is_in(array, words))).to_pylist())
        elif pa.types.is_list(kind):
            self._lengths(pc.list_value_length(array))
            flat = array.flatten()
            self.holes |= flat.null_count > 0
            self._extremes(flat)
        else:
            self._extremes(array)

    def _lengths(self, lengths: pa.Array) -> None:
        ends = pc.min_max(lengths).as_py()
        if ends["max"] is not None:
            self.longest = max(self.longest, ends["max"])
            self.shortest = ends["min"] if self.shortest < 0 else min(self.shortest, ends["min"])
            self.total += pc.sum(lengths).as_py()

    def _extremes(self, values: pa.Array) -> None:
        if not pa.types.is_integer(values.type):
            return
        ends = pc.min_max(values).as_py()
        if ends["min"] is None:
            return
        self.least = min(self.least, ends["min"]) if self._any else ends["min"]
        self.most = max(self.most, ends["max"]) if self._any else ends["max"]
        self._any = True
        if self.least <= ODD:
            self.odd |= pc.any(pc.equal(values, ODD)).as_py() is True


class Survey:
    """All columns of a table, and the number of rows."""

    def __init__(self, columns: Sequence[Column], words: Iterable[str] = ()) -> None:
        self.columns = tuple(columns)
        self.seen = tuple(Seen() for _ in columns)
        self.rows = 0
        self._words = pa.array(list(words), pa.string()) if words else None

    @property
    def wanted(self) -> list[int]:
        """Places of the columns that must be looked at; of the others nothing needs to be known."""
        return [
            at for at, item in enumerate(self.columns) if item.is_array or item.arrow == pa.string() or _whole(item)
        ]

    def look(self, batch: pa.RecordBatch, places: Sequence[int] | None = None) -> None:
        """Take in a batch that has the columns at ``places`` (default: all)."""
        self.rows += batch.num_rows
        for at, array in zip(range(len(self.seen)) if places is None else places, batch.columns):
            self.seen[at].look(array, self._words)


def _whole(column: Column) -> bool:
    return column.datatype in WHOLE


def with_null(column: Column, seen: Seen) -> Column:
    """The column with a number that no cell has to stand for null, of a wider type where its own is used up.

    A column that names a number outside its data keeps it; one without nulls gets none. Raises LimitError when 64
    bits are used up (both ends of their range and one more number).
    """
    if not _whole(column) or own_null(column, seen):
        return column
    if not (seen.holes if column.is_array else seen.nulls):
        return replace(column, null="")
    for datatype in WHOLE[WHOLE.index(column.datatype) :]:
        ends = np.iinfo(NUMPY[datatype])
        # 0 means something in bytes; elsewhere the least number is what other tools take as well.
        free = [item for item in (ends.min, ends.max) if not seen.least <= item <= seen.most and item != 0]
        if free:
            return replace(column, datatype=datatype, null=str(free[0]))
    if seen.odd:
        raise LimitError(
            f"Column {column.name} uses up its 64 bits: no number is left to mean null.",
            "Save as VOTable BINARY2, CSV or Parquet, which mark nulls apart.",
        )
    return replace(column, null=str(ODD))


def shaped(column: Column, seen: Seen, empty: bool) -> Column:
    """A column of arrays with a size that its cells have: one that is not true of them becomes free.

    ``empty``: a null cell is written as an empty one, so a fixed size needs a free end.
    """
    if not column.is_array or column.is_text or column.arraysize.endswith("*"):
        return column
    if not seen.shortest == seen.longest == fixed_length(column.arraysize):
        return replace(column, arraysize="*")
    if empty and seen.nulls:
        return replace(column, arraysize="x".join([*column.arraysize.split("x")[:-1], "*"]))
    return column


def own_null(column: Column, seen: Seen) -> bool:
    """Whether the column names a number for null that lies in its type and outside its data."""
    value = null_number(column)
    if value is None or seen.least <= value <= seen.most:
        return False
    ends = np.iinfo(NUMPY[column.datatype])
    return ends.min <= value <= ends.max
