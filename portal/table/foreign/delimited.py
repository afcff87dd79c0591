"""CSV, TSV and tables with blanks or other marks between cells, in two passes: types from all the cells, then rows.

Memory holds one block. A whole number of any length never becomes a float; lines with another number of cells than
the rest are left out and told of.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from portal.errors import FormatError
from portal.table.columns import Column, Info, TableMeta
from portal.table.foreign.column_types import Guess, cast
from portal.table.foreign.dialect import EMPTY, Dialect, guess_dialect
from portal.table.foreign.encoding import Text, text_of_file
from portal.table.foreign.kinds import DELIMITERS, Kind, Options, Part
from portal.table.foreign.told import Given, Told
from portal.table.votable_values import text_array

BLOCK = 8 << 20
LARGEST_BLOCK = 64 << 20  # for a file with very long rows
PREVIEW_BYTES = 4 << 20
MOST_RAGGED = 0.5  # of the lines: then the delimiter is wrong, not the lines


class Ragged:
    """Counts lines that have not as many cells as the others."""

    def __init__(self) -> None:
        self.count = 0
        self.first: tuple[int, int, int] = (0, 0, 0)
        self.unclosed = 0

    def __call__(self, row: pa.csv.InvalidRow) -> str:
        if not (row.text or "").lstrip().startswith("#"):
            self.count += 1
            if "\n" in (row.text or "") and row.text.count('"') % 2:
                self.unclosed = row.number or 1
            if self.count == 1:
                self.first = (row.number or 0, row.actual_columns, row.expected_columns)
        return "skip"

    def check(self, rows: int) -> None:
        """Raises FormatError when the lines are not at fault but what cuts them, ``rows`` others being good."""
        if self.unclosed:
            raise FormatError(f"A quote that opens in line {self.unclosed:,} does not close.", "Correct that line.")
        if self.count > max(1, MOST_RAGGED * (rows + self.count)) or (self.count and not rows):
            raise FormatError(self.note().replace("left out for", "found"), "Choose another delimiter.")

    def note(self) -> str:
        """What happened, for the user."""
        line, found, wanted = self.first
        lines = "1 line was" if self.count == 1 else f"{self.count:,} lines were"
        where = f"line {line:,} has {found:,}" if self.count == 1 else f"the first is line {line:,} with {found:,}"
        return f"{lines} left out for not having {wanted:,} cells: {where}."


class Rows(NamedTuple):
    """Where the rows of a text table are and how they are cut; cells come as texts, null where nothing stands."""

    path: Path
    start: int
    skip: int
    delimiter: str
    names: tuple[str, ...]
    begun: int = 0  # lines before ``start``, for telling line numbers

    def batches(self, ragged: Ragged, block: int = BLOCK) -> Iterator[pa.RecordBatch]:
        """Batches of strings, columns by position. Raises FormatError for quotes that do not close."""
        keys = [f"c{at}" for at in range(len(self.names))]
        parse = pa.csv.ParseOptions(
            delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=ragged,
            ignore_empty_lines=len(keys) > 1,
        )  # fmt: skip
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), null_values=[""], strings_can_be_null=True,
            quoted_strings_can_be_null=False, check_utf8=False,
        )  # fmt: skip
        while True:
            done = False
            with self.path.open("rb") as file:
                file.seek(self.start)
                read = pa.csv.ReadOptions(
                    use_threads=False, block_size=block, column_names=keys, skip_rows=self.skip
                )  # fmt: skip
                try:
                    for batch in pa.csv.open_csv(file, read, parse, convert):
                        done = True
                        yield batch
                    return
                except pa.ArrowInvalid as error:
                    told = str(error).splitlines()[0]
                    small = self.path.stat().st_size < block
                    if "Empty CSV" in told or ("Could not skip" in told and small):
                        return  # nothing stands below the names
                    if "straddling" not in told or done or block >= LARGEST_BLOCK:
                        raise FormatError(
                            f"The rows cannot be told apart: {told}.", "A quote that does not close does this."
                        ) from None
                    block = LARGEST_BLOCK


def look(given: Given, options: Options) -> Kind:
    """Columns from the first lines; counting the rows would need all of them."""
    text = text_of_file(given, options.encoding, whole=False)
    dialect = guess_dialect(text.beginning(), options)
    label = {",": "CSV", "\t": "TSV"}.get(dialect.delimiter, f"text table ({DELIMITERS.get(dialect.delimiter, '?')})")
    notes = (text.note,) if text.note else ()
    part = Part(0, "", -1, len(dialect.names))
    return Kind("csv", label, (part,), notes, dialect.delimiter, dialect.header, text.encoding)


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows; those wanted first only, when ``told.first`` says so."""
    text = text_of_file(given, options.encoding, whole=not told.first)
    if text.note:
        told.note(text.note)
    dialect = guess_dialect(text.beginning(), options)
    infos = tuple(Info("COMMENT", line) for line in dialect.comments[:100])
    rows = located(given, text, dialect, told)
    yield from typed(rows, dict(options.types), infos, told)


def located(given: Given, text: Text, dialect: Dialect, told: Told) -> Rows:
    """Rows as the reader wants them: a first part only for a preview, blanks made commas."""
    path, start, skip = text.path, text.start, dialect.skip
    if told.first and path.stat().st_size > PREVIEW_BYTES:
        path = given.aside / "first"
        path.write_text(text.beginning(PREVIEW_BYTES))
        start = 0
    if dialect.delimiter != " ":
        return Rows(path, start, skip, dialect.delimiter, dialect.names)
    lines = Text(path, start, "utf-8").lines()
    path = given.aside / "commas"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, line in enumerate(lines):
            if number >= skip and line.strip() and not line.startswith("#"):
                line = line.replace("\t", " ").strip()
                writer.writerow(next(csv.reader([line], delimiter=" ", skipinitialspace=True), []))
    return Rows(path, 0, 0, ",", dialect.names)


def typed(rows: Rows, asked: dict[str, str], infos: tuple[Info, ...], told: Told) -> Iterator[pa.RecordBatch]:
    """The rows in types found by looking at all of them, but for columns whose type was asked for."""
    unknown = [at for at, name in enumerate(rows.names) if name not in asked]
    guesses = {at: Guess() for at in unknown}
    ragged, count = Ragged(), 0
    if guesses:
        for batch in rows.batches(ragged):
            count += batch.num_rows
            for at, guess in guesses.items():
                guess.look(batch.column(at))
        ragged.check(count)
    columns = []
    for at, name in enumerate(rows.names):
        datatype = asked[name] if name in asked else guesses[at].datatype
        columns.append(Column(name, datatype, "*" if datatype == "char" else ""))
        if at in guesses and (why := guesses[at].why):
            told.note(f"Column {name} is kept as text: {why}.")
    told.meta = TableMeta(tuple(columns), infos=infos)
    yield from converted(rows, columns, count, told)


def converted(
    rows: Rows,
    columns: Sequence[Column],
    count: int,
    told: Told,
    arrays: Callable[[Column, pa.Array], pa.Array] = text_array,
) -> Iterator[pa.RecordBatch]:
    """The rows as values of known columns; ``count`` rows are expected (0: unknown), for telling how far it is.

    ``arrays`` reads the texts of a column with more than one value in a cell.
    """
    ragged, done, schema = Ragged(), 0, told.meta.to_schema()
    cells = [partial(arrays if column.is_array else _values, column) for column in columns]
    for batch in rows.batches(ragged):
        made = [_placed(cell, array, done) for cell, array in zip(cells, batch.columns)]
        done += batch.num_rows
        told.fraction = done / count if count else -1.0
        yield pa.RecordBatch.from_arrays(made, schema=schema)
    ragged.check(done)
    if ragged.count:
        told.note(ragged.note())


def _placed(cell: Callable[[pa.Array], pa.Array], texts: pa.Array, before: int) -> pa.Array:
    """``cell(texts)``; a value at fault is named with its row, ``before`` rows having come earlier."""
    try:
        return cell(texts)
    except FormatError as error:
        fault = error
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            cell(texts.slice(low, middle - low))
            low = middle
        except FormatError:
            high = middle
    value = str(texts[low].as_py())[:80]
    raise FormatError(
        f"{fault.message.rstrip('.')}: {value!r} in row {before + low + 1:,}.",
        fault.hint or "Choose another type for this column, or text.",
    )


def _values(column: Column, texts: pa.Array) -> pa.Array:
    if column.is_text:
        return texts
    if column.is_number:
        try:
            return cast(texts, column.arrow)  # plain numbers need no more
        except pa.ArrowInvalid:
            pass  # blanks, words for nothing, plus signs, Fortran exponents
    texts = pc.utf8_trim_whitespace(texts)
    nothing = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(sorted(EMPTY - {"nan"})))
    texts = pc.if_else(nothing, pa.scalar(None, pa.string()), texts)
    if column.datatype not in ("float", "double"):
        texts = pc.if_else(pc.equal(pc.utf8_lower(texts), "nan"), pa.scalar(None, pa.string()), texts)
    elif pc.any(pc.match_substring_regex(texts, "[dD][+-]?[0-9]")).as_py():
        texts = pc.replace_substring_regex(texts, "[dD]", "e")
    if column.is_number:
        texts = pc.utf8_ltrim(texts, "+")
    return text_array(column, texts)
