"""Reads a FITS or Parquet table of unknown origin, in a process of its own that may fail: the archive goes on.

``python -m portal.archive.foreign fits < file > rows``: rows leave as an Arrow stream. Ends with status 3 and one
line on stderr when the file is at fault.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FormatError, LimitError, TriviewError
from ..table.columns import DATATYPE_OF, Column

MOST_CELLS = 50_000_000  # cells of a table: 32 MiB of honest data hold fewer
MOST_BYTES = 512 << 20  # of the rows once expanded
MEMORY = 3 << 30  # address space of the process
SECONDS = 30  # of processor time
HDUS = 64  # looked at to find the first table
REFUSED = 3  # exit status: the file is at fault
FOOTER = b"voparquet"
WIDER = {
    pa.int8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
}


def check_cells(rows: int, columns: int) -> None:
    """Raises LimitError when a table claims more cells than are read."""
    if rows * columns > MOST_CELLS:
        raise LimitError(
            f"The table says it has {rows:,} rows of {columns:,} columns.", f"At most {MOST_CELLS:,} cells are read."
        )


def read_fits(content: bytes) -> pa.Table:
    """The first table of a FITS file. Raises FormatError, LimitError."""
    from astropy.io import fits
    from astropy.table import Table

    with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=True) as hdus:
        for number in range(HDUS):
            try:
                hdu = hdus[number]
            except IndexError:
                break
            if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU) or hdu.header.get("ZIMAGE"):
                continue
            header = hdu.header
            size, rows, fields = (int(header.get(key, 0)) for key in ("NAXIS1", "NAXIS2", "TFIELDS"))
            check_cells(rows, max(fields, 1))
            if size * rows + int(header.get("PCOUNT", 0)) > len(content):
                raise FormatError("The FITS table is larger than the file that holds it.", "It was probably cut.")
            table = Table.read(hdu)
            fields, arrays = [], []
            for place, name in enumerate(table.colnames, 1):
                array = from_numpy(name, table[name])
                arrays.append(array)
                said = {
                    "unit": header.get(f"TUNIT{place}", ""),
                    "ucd": header.get(f"TUCD{place}", ""),
                    "utype": header.get(f"TUTYP{place}", ""),
                    "description": header.get(f"TCOMM{place}", ""),
                }
                fields.append(described(name, array.type, {key: str(value) for key, value in said.items()}))
            return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    raise FormatError("The FITS file holds no table.", "Upload a file with a BINTABLE or TABLE extension.")


def described(name: str, kind: pa.DataType, said: dict[str, str]) -> pa.Field:
    """The Arrow field of a column with what the file says of it."""
    plain = Column.from_arrow(pa.field(name, kind))
    return Column(name, plain.datatype, plain.arraysize, xtype=plain.xtype, **said).to_arrow()


def from_numpy(name: str, column: np.ndarray) -> pa.Array:
    """A FITS column as Arrow; masked cells are null, texts lose the blanks behind them."""
    mask = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
    values = np.asarray(np.ma.getdata(column))
    if values.dtype.kind == "O":
        return narrow(name, pa.array([None if item is None else np.asarray(item).ravel() for item in values]))
    if values.dtype.kind == "S":
        values = np.char.decode(values, "latin-1")
    if values.dtype.kind == "U" and values.ndim == 1:
        texts = np.char.rstrip(values, " \0")
        return pa.array(texts.tolist(), pa.string(), mask=texts == "" if mask is None else mask | (texts == ""))
    if values.dtype.kind not in "biuf":
        raise FormatError(f"Column {name} holds values of type {values.dtype}, which cannot be queried.")
    values = values.astype(values.dtype.newbyteorder("="))
    if values.ndim > 1:
        width = int(np.prod(values.shape[1:]))
        flat = values.reshape(-1)
        ends = np.arange(0, len(flat) + 1, max(width, 1), dtype=np.int32)
        array = pa.ListArray.from_arrays(pa.array(ends), narrow(name, pa.array(flat)))
        return array
    return narrow(name, pa.array(values, mask=mask))


def narrow(name: str, array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The array in a type that a VOTable column can have. Raises FormatError when there is none."""
    kind = array.type
    try:
        if pa.types.is_dictionary(kind):
            return narrow(name, array.cast(kind.value_type))
        if kind in WIDER:
            return array.cast(WIDER[kind])
        if pa.types.is_decimal(kind):
            return array.cast(pa.float64())
        if pa.types.is_timestamp(kind):
            return pc.strftime(array, "%Y-%m-%dT%H:%M:%S")
        if pa.types.is_date(kind) or pa.types.is_null(kind) or pa.types.is_time(kind):
            return array.cast(pa.string())
        if pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
            return narrow(name, array.cast(pa.list_(kind.value_type)))
        if pa.types.is_list(kind) and kind.value_type in WIDER:
            return array.cast(pa.list_(WIDER[kind.value_type]))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(f"Column {name} cannot be queried: {str(error).splitlines()[0]}.") from None
    element = kind.value_type if pa.types.is_list(kind) else kind
    if element not in DATATYPE_OF:
        raise FormatError(f"Column {name} holds values of type {kind}, which cannot be queried.")
    return array


def read_parquet(content: bytes) -> pa.Table:
    """A Parquet file; the VOTable in its footer (VOParquet) goes along unread. Raises FormatError, LimitError."""
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(content), pre_buffer=False)
    check_cells(file.metadata.num_rows, file.metadata.num_columns)
    batches, size = [], 0
    for batch in file.iter_batches(65_536, use_threads=False):
        size += batch.nbytes
        if size > MOST_BYTES:
            raise LimitError(f"The table needs more than {MOST_BYTES >> 20} MiB once it is expanded.")
        batches.append(batch)
    table = pa.Table.from_batches(batches, file.schema_arrow)
    arrays = [narrow(name, column) for name, column in zip(table.column_names, table.columns)]
    fields = [described(name, array.type, {}) for name, array in zip(table.column_names, arrays)]
    footer = (file.metadata.metadata or {}).get(b"IVOA.VOTable-Parquet.content", b"")
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, {FOOTER: footer} if footer else None))


READERS: dict[str, Callable[[bytes], pa.Table]] = {"fits": read_fits, "parquet": read_parquet}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MOST_BYTES, 2 * MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pa.set_cpu_count(1)
    try:
        table = READERS[sys.argv[1]](sys.stdin.buffer.read())
        with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
            writer.write_table(table)
        sys.stdout.flush()
    except TriviewError as error:
        told = f"{error.message}\n{error.hint}"
    except MemoryError:
        told = "The table needs too much memory to be read.\nUpload fewer rows or columns."
    except Exception as error:  # noqa: BLE001 - whatever a damaged file does to its reader is the file's fault
        told = f"The table cannot be read: {' '.join(str(error).split())[:300]}.\n"
    else:
        os._exit(0)  # no more to do: what a damaged file left behind is not cleaned up
    print(told, file=sys.stderr, flush=True)
    os._exit(REFUSED)


if __name__ == "__main__":
    main()
