"""From bytes to rows against the usual tools, on the same rows in one run; and what it takes to keep them.

``run()`` gives the figures: processor seconds, the fastest of a few turns on both sides, since a shared machine
stretches wall time. Memory is what the process holds for itself; the rows lie in a file it maps.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io.votable import parse
from astropy.table import Table
from pyarrow import csv, parquet

from portal.table.columns import Column, TableMeta
from portal.table.export import export_stream
from portal.table.foreign.kinds import STANDARD, Options
from portal.table.foreign.recognise import expanded, format_of, reader_of
from portal.table.foreign.told import Told
from portal.table.result import ResultTable
from portal.table.votable_read import VOTableDecoder
from portal.table.votable_write import votable_bytes
from tests.bench.bench_table import ASTROPY_ROWS, ROWS, seconds, wide_table

PIECE = 1 << 16  # bytes of a network's answer at a time
BLOCK_ROWS = 48_000  # of a wide answer, repeated; a multiple of 3, so that its base64 can be
ROOT = Path(__file__).resolve().parents[2]


def decode(data: bytes) -> int:
    """Read as the portal does: pieces as a network gives them, batches dropped once counted."""
    decoder, rows, view = VOTableDecoder(), 0, memoryview(data)
    for start in range(0, len(data), 1 << 18):
        rows += sum(batch.num_rows for batch in decoder.feed(bytes(view[start : start + (1 << 18)])))
    return rows + sum(batch.num_rows for batch in decoder.close())


def astropy_reads(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parse(io.BytesIO(data)).get_first_table().to_table()


def votables(folder: Path, meta: TableMeta, table: pa.Table) -> Iterator[tuple[str, str]]:
    for serialization in ("BINARY2", "TABLEDATA"):
        data = b"".join(votable_bytes(meta, table.to_batches(), serialization))
        small = b"".join(votable_bytes(meta, table.slice(0, ASTROPY_ROWS).to_batches(), serialization))
        decode(small)
        ours = seconds(lambda data=data: decode(data))
        theirs = seconds(lambda small=small: astropy_reads(small), 1) * ROWS / ASTROPY_ROWS
        yield (
            f"read 1M x 20 {serialization} against astropy (timed on {ASTROPY_ROWS:,} rows)",
            f"{theirs / ours:.0f}x (CPU {ours:.2f} s against {theirs:.1f} s)",
        )
        if shutil.which("stilts"):
            file = folder / "a.vot"
            file.write_bytes(data)
            command = ["stilts", "tpipe", f"in={file}", "ifmt=votable", "omode=checksum"]
            stilts = seconds(lambda command=command: subprocess.run(command, check=True, capture_output=True), 2)
            yield f"read 1M x 20 {serialization} against stilts tpipe", f"{stilts / ours:.1f}x (CPU {stilts:.2f} s)"


def foreign(path: Path) -> int:
    """Read a file as its process does."""
    with tempfile.TemporaryDirectory() as aside:
        given, _ = expanded(path, path.name, Path(aside), STANDARD)
        read = reader_of(format_of(given, Options())).read
        return sum(batch.num_rows for batch in read(given, Options(), Told()))


def files(folder: Path, meta: TableMeta, table: pa.Table) -> Iterator[tuple[str, str]]:
    """Parquet, FITS and CSV of the same rows; astropy reads Parquet through pyarrow, but no null texts."""
    table = table.replace_schema_metadata(None)
    whole, part = folder / "a.parquet", folder / "b.parquet"
    parquet.write_table(table, whole)
    parquet.write_table(table.slice(0, ASTROPY_ROWS).drop_columns(["note"]), part)
    fits, text = folder / "a.fits", folder / "a.csv"
    result = ResultTable.from_arrow(folder / "result", meta, table)
    with fits.open("wb") as out:
        out.writelines(export_stream(result, format="fits"))
    result.delete()
    csv.write_csv(table, text)
    small = folder / "b.csv"
    csv.write_csv(table.slice(0, ASTROPY_ROWS), small)
    works = (
        (whole, "parquet", lambda: Table.read(part, format="parquet"), ROWS / ASTROPY_ROWS),
        (fits, "fits", lambda: Table.read(fits), 1),
        (text, "csv", lambda: Table.read(small, format="ascii.csv"), ROWS / ASTROPY_ROWS),
    )
    for file, name, astropy, scale in works:
        foreign(file)
        ours = seconds(lambda file=file: foreign(file), 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = seconds(astropy, 1) * scale
        yield f"read 1M x 20 {name} against astropy", f"{theirs / ours:.1f}x (CPU {ours:.2f} s against {theirs:.2f} s)"
        if shutil.which("stilts"):
            command = ["stilts", "tpipe", f"in={file}", f"ifmt={name}", "omode=checksum"]
            if subprocess.run(command, capture_output=True).returncode == 0:
                stilts = seconds(lambda command=command: subprocess.run(command, check=True, capture_output=True), 1)
                yield f"read 1M x 20 {name} against stilts tpipe", f"{stilts / ours:.1f}x (CPU {stilts:.2f} s)"


def many_columns(rows: int) -> tuple[TableMeta, pa.Table]:
    """100 columns: an id, 60 doubles, 30 floats, 9 integers."""
    random = np.random.default_rng(3)
    columns, arrays = [Column("objectId", "long")], [pa.array(np.arange(rows))]
    for number in range(99):
        kind, code = (("double", "f8") if number < 60 else ("float", "f4")) if number < 90 else ("int", "i4")
        columns.append(Column(f"c{number}", kind))
        arrays.append(pa.array((random.normal(size=rows) * 1000).astype(code)))
    meta = TableMeta(tuple(columns))
    return meta, pa.table(arrays, schema=meta.to_schema())


def own_memory() -> int:
    """Bytes the process holds for itself (RssAnon): not those of files it maps."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


def keep(columns: int, blocks: int, folder: Path) -> None:
    """Stream ``blocks`` of rows into a result; prints rows, memory gained (most, at the end), share, seconds."""
    import time

    meta, table = many_columns(BLOCK_ROWS) if columns == 100 else wide_table(BLOCK_ROWS)
    if columns != 100:  # texts of one length, so that the block repeats
        meta = TableMeta(tuple(column for column in meta.columns if column.datatype != "char"))
        table = table.select([column.name for column in meta.columns])
    text = b"".join(votable_bytes(meta, table.to_batches(max_chunksize=BLOCK_ROWS), "BINARY2"))
    begin, end = text.index(b">", text.index(b"<STREAM")) + 1, text.rindex(b"</STREAM")
    del table
    body, total = text[begin:end].strip(), len(text) + (blocks - 1) * (end - begin)
    warm = VOTableDecoder()
    warm.feed(text)
    warm.close()
    before = most = own_memory()
    decoder, result, fed, share, begun = VOTableDecoder(), None, 0, 0.0, time.process_time()
    for source in (text[:begin], *(body for _ in range(blocks)), text[end:]):
        for at in range(0, len(source), PIECE):
            piece = source[at : at + PIECE]
            fed += len(piece)
            for batch in decoder.feed(piece):
                if result is None:
                    result, share = ResultTable.create(folder, decoder.meta), fed / total
                result.append(batch)
                most = max(most, own_memory())
    for batch in decoder.close():
        result.append(batch)
    result.finish(decoder.meta)
    print(result.n_rows, most - before, own_memory() - before, share, time.process_time() - begun)


def keeping(folder: Path) -> Iterator[tuple[str, str]]:
    for columns, blocks in ((16, 21), (100, 7), (100, 21)):
        place = folder / f"k{columns}_{blocks}"
        code = f"from tests.bench.bench_reading import *; keep({columns}, {blocks}, Path({str(place)!r}))"
        told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        rows, most, end, share, cpu = map(float, told.split())
        shutil.rmtree(place)
        yield (
            f"keep {rows / 1e6:.2f}M x {columns} BINARY2: memory beside the mapped file",
            f"at most {most / 2**20:.0f} MB, then {end / 2**20:.0f} MB ({end / rows:.0f} bytes a row); CPU {cpu:.1f} s",
        )
        yield f"keep {rows / 1e6:.2f}M x {columns}: first rows, as a share of the answer", f"{100 * share:.2f} %"


def run() -> Iterator[tuple[str, str]]:
    """(what was compared, how many times faster), as it is measured."""
    meta, table = wide_table(ROWS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from keeping(folder)
        yield from votables(folder, meta, table)
        yield from files(folder, meta, table)


if __name__ == "__main__":
    for what, ratio in run():
        print(f"{what}: {ratio}")
