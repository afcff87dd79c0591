"""One result as it lies on the sky: its index, marks and values, and the answers the browser asks of them.

A layer is made of the rows of one moment and never changes; the next one takes over what is still true of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from portal.errors import QueryError
from portal.sky.density import SkyIndex, Tile
from portal.sky.marks import MOST_POINTS, POINTS, Paint, Scale, colour_scale, points_bytes, size_parts
from portal.sky.tilefile import properties, tile_fits
from portal.table.cells import cell_texts
from portal.table.engine import Stop
from portal.table.names import label_of
from portal.table.result import ResultTable

AROUND = 1.5  # of the circle in view is sent where it is not too much: a small pan asks for nothing
LABEL_COLUMNS = 6  # of a row under the pointer: more hide the sky
TILE = re.compile(r"Norder(\d{1,2})/Dir(\d{1,12})/Npix(\d{1,12})\.fits")


class Asked(NamedTuple):
    """What a layer is made of: rows kept by ``where``, marked by ``marks`` (checked SQL), drawn as ``paint`` says."""

    where: str = ""
    marks: str = ""
    paint: Paint = Paint()


class Layer(NamedTuple):
    """``marked``, ``values``, ``sizes`` are in the order of the index; None for nothing marked, one colour, one size.

    ``version`` is that of the table's rows. ``circle`` (ra, dec, radius in degrees) holds all rows, None without any.
    """

    table: ResultTable
    version: tuple
    asked: Asked
    index: SkyIndex
    circle: tuple[float, float, float] | None
    marked: np.ndarray | None = None
    scale: Scale | None = None
    values: np.ndarray | None = None
    sizes: np.ndarray | None = None

    @property
    def limit(self) -> int:
        """Rows drawn one by one at most."""
        return {"auto": POINTS, "points": MOST_POINTS, "density": 0}[self.asked.paint.way]

    def points(self, ra: float, dec: float, radius: float) -> bytes:
        """The rows of a circle in view (degrees), or of more; none when they are to be seen as density.

        The header tells ``rows`` of the layer, the ``circle`` sent (null for all), whether it is ``dense`` and then
        ``about`` how many rows the circle asked for holds.
        """
        index, limit = self.index, self.limit
        circle: list[float] | None = None
        if len(index) <= limit:
            places: np.ndarray | None = np.arange(len(index))
        else:
            for reach in (radius * AROUND, radius):
                circle = [ra, dec, min(reach, 180.0)]
                places = index.within(*circle, limit) if limit else None
                if places is not None:
                    break
        header: dict[str, Any] = {"rows": len(index), "circle": circle, "dense": places is None}
        if places is None:
            header["about"] = index.roughly(ra, dec, radius)
        shown = places if places is not None else np.empty(0, np.int64)
        return points_bytes(index, shown, header, self.marked, self.values, self.sizes)

    def tile(self, order: int, npix: int) -> Tile:
        """The bins of a tile. Raises QueryError when there is no such tile."""
        classes = len(self.scale.classes) if self.scale else 0
        try:
            return self.index.tile(order, npix, self.marked, self.values, classes)
        except ValueError as error:
            raise QueryError(f"There is no such tile: {error}.") from None

    def label(self, row: int, columns: list[str]) -> list[tuple[str, str]]:
        """(column, text) of a row. Raises QueryError when it is not there."""
        try:
            cells = self.table.take(np.array([row]), columns)
        except IndexError:
            raise QueryError(f"There is no row {row + 1}.") from None
        meta = self.table.meta
        texts = [cell_texts(meta.column(name), cells[name].combine_chunks())[0] for name in columns]
        return [(label_of(meta, name), "" if text is None else text) for name, text in zip(columns, texts)]


def read_layer(
    table: ResultTable, names: tuple[str, str], asked: Asked, old: Layer | None = None, stop: Stop | None = None
) -> Layer:
    """The layer of a table with positions in the columns ``names``; of ``old`` all is kept that is still true.

    Raises QueryError when a column of the paint cannot be drawn.
    """
    version = table.now().version
    same = old is not None and old.table is table and old.version == version and old.asked.where == asked.where
    if same:
        index, circle = old.index, old.circle
    else:
        ra, dec = table.numbers(names, asked.where, stop)
        rows = table.where(asked.where, stop) if asked.where else np.arange(len(ra), dtype=np.uint32)
        n = min(len(ra), len(dec), len(rows))  # rows may have come between the answers
        index = SkyIndex(ra[:n], dec[:n], rows[:n])
        circle = index.bounds()
    was, paint = (old.asked, asked.paint) if same else (Asked(), asked.paint)
    if same and was.marks == asked.marks:
        marked = old.marked
    else:
        marked = _of_rows(index, table.where(asked.marks, stop)) if asked.marks else None
    if same and (was.paint.colour, was.paint.low, was.paint.high) == (paint.colour, paint.low, paint.high):
        scale, values = old.scale, old.values
    else:
        scale, values = colour_scale(table, paint, asked.where, stop) if paint.colour else (None, None)
        values = None if values is None else _of_values(index, values, table, asked.where)
    if same and was.paint.size == paint.size:
        sizes = old.sizes
    else:
        sizes = size_parts(table, paint.size, asked.where, stop) if paint.size else None
        sizes = None if sizes is None else _of_values(index, sizes, table, asked.where)
    return Layer(table, version, asked, index, circle, marked, scale, values, sizes)


def answer(layer: Layer, what: str, asked: Mapping[str, str], columns: list[str]) -> tuple[bytes, str]:
    """(content, type) of ``what`` is asked: points, nearest, label, properties or a HiPS tile.

    Arguments are texts from outside. Raises QueryError for what is not understood.
    """
    found = TILE.fullmatch(what)
    if found:
        order, npix = int(found[1]), int(found[3])
        return tile_fits(order, npix, layer.tile(order, npix)), "application/fits"
    if what == "points":
        return layer.points(*_place(asked)), "application/octet-stream"
    if what == "nearest":
        return _json(layer.index.nearest(*_place(asked))), "application/json"
    if what == "label":
        row = asked.get("row", "")
        if not (row.isascii() and row.isdigit()) or len(row) > 10:
            raise QueryError("The label of which row?")
        return _json(layer.label(int(row), columns)), "application/json"
    if what == "properties":
        return properties("rows", len(layer.index), layer.circle).encode(), "text/plain; charset=utf-8"
    raise QueryError("The sky has no answer to that.")


def label_columns(table: ResultTable, shown: list[str]) -> list[str]:
    """What a label says of a row: its id, then the first columns shown that are no positions."""
    meta = table.meta
    ident = next((c for c in meta.columns if c.ucd.startswith("meta.id") and "meta.main" in c.ucd), None)
    ident = ident or next((c for c in meta.columns if c.datatype == "long" and c.name.endswith("Id")), None)
    first = [ident.name] if ident else []
    left_out = {*first, *(table.positions() or ()), *(c.name for c in meta.columns if c.is_array)}
    return [*first, *(name for name in shown if name not in left_out)][:LABEL_COLUMNS]


def _place(asked: Mapping[str, str]) -> tuple[float, float, float]:
    try:
        ra, dec, radius = (float(asked[name]) for name in ("ra", "dec", "r"))
    except (KeyError, ValueError):
        raise QueryError("A place on the sky is three numbers: ra, dec and r in degrees.") from None
    if not (math.isfinite(ra) and abs(dec) <= 90 and 0 < radius <= 360):
        raise QueryError("That place is not on the sky.")
    return ra % 360.0, dec, min(radius, 180.0)


def _of_rows(index: SkyIndex, rows: np.ndarray) -> np.ndarray:
    """Which places of the index hold one of these rows."""
    last = int(index.rows.max()) if len(index) else 0
    mask = np.zeros(max(last, int(rows.max()) if len(rows) else 0) + 1, bool)
    mask[rows] = True
    return mask[index.rows]


def _of_values(index: SkyIndex, values: np.ndarray, table: ResultTable, where: str) -> np.ndarray:
    """Values per row kept, in the order of the index."""
    if not where:
        return values[index.rows]
    return values[np.searchsorted(table.where(where), index.rows)]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
