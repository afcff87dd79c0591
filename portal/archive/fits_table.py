"""FITS from rows that come once: they are kept in an unnamed file until the last one is there.

The header needs the number of rows, the width of texts and whether a column has nulls.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ..table.columns import TableMeta
from ..table.fits_write import check_width, fits_bytes
from ..table.survey import Survey
from ..table.votable_write import Trailer


def kept_fits(
    meta: TableMeta, rows: Iterable[pa.RecordBatch], trailer: Callable[[], Trailer], folder: Path | None
) -> Iterator[bytes]:
    """The file in pieces, once all of ``rows`` has been read. ``trailer`` is asked after the last row.

    ``folder`` takes the unnamed file. Raises LimitError when there are more columns than FITS can hold.
    """
    check_width(len(meta.columns))
    survey = Survey(meta.columns)
    with tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, meta.to_schema()) as writer:
            for batch in rows:
                survey.look(batch)
                writer.write_batch(batch)
        reader = pa.ipc.open_file(file)

        def again(names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                yield batch if names is None else batch.select(list(names))

        file.seek(0, os.SEEK_SET)
        yield from fits_bytes(meta, survey, again, trailer())
