"""A small VOTable answer as Python rows: for metadata, links and lists, not for results."""

from __future__ import annotations

from typing import Any

from ..table.columns import TableMeta
from ..table.votable_read import VOTableDecoder


def small_table(content: bytes) -> tuple[TableMeta, list[dict[str, Any]]]:
    """Description and rows (dicts by column name) of a VOTable.

    Raises FormatError when it is not one, ServiceError when it reports an error.
    """
    decoder = VOTableDecoder()
    batches = [*decoder.feed(content), *decoder.close()]
    return decoder.meta, [row for batch in batches for row in batch.to_pylist()]
