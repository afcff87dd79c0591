"""Target lists: which tables of the service can be searched with an upload, and the query that does it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from portal.adql.targets import (
    MOST_CONES,
    MOST_IDS,
    Source,
    Targets,
    cones,
    in_list,
    join_by_id,
    join_by_position,
    regions,
)
from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.positions import position_columns
from portal.table.votable_read import VOTableDecoder
from portal.uploads import Upload

OF_SOURCE = 12  # columns asked of the archive's table: what TAP_SCHEMA calls principal, a readable first query
OF_TARGETS = 8  # columns asked of the upload
PIECE = 1 << 20
ID = re.compile(r"(^|_)id$|Id$|designation", re.IGNORECASE)
ARCSEC = 3600.0


def searchable(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables with positions or ids: dicts name, ra, dec, ids, columns. ``doc`` as ``SchemaBook.read`` gives it."""
    found = []
    for schema in doc["schemas"]:
        if str(schema["name"]).lower() in ("tap_schema", "tap_upload"):
            continue
        for table in schema["tables"]:
            columns = [_column(item) for item in table["columns"]]
            places = position_columns(columns) or ("", "")
            ids = sorted((c for c in columns if is_id(c)), key=lambda c: _rank(c, str(table["name"])))
            if places[0] or ids:
                found.append({"name": table["name"], "ra": places[0], "dec": places[1], "ids": [c.name for c in ids]})
    return found


def _column(item: dict[str, Any]) -> Column:
    kind = str(item["datatype"] or "")
    arraysize = "*" if kind in ("char", "unicodeChar") else ""
    return Column(str(item["name"]), kind or "double", arraysize, ucd=str(item["ucd"] or ""))


def is_id(column: Column) -> bool:
    """Whether a column holds ids: its UCD or its name says so, and its type can."""
    if column.datatype in ("float", "double", "boolean") or column.is_array:
        return False
    return column.ucd.lower().startswith("meta.id") or bool(ID.search(column.name))


def _rank(column: Column, table: str) -> int:
    """How likely a column holds the ids of a table's own rows: 0 for objectId of Object, 3 for a parent's id."""
    name, ucd = column.name.lower(), column.ucd.lower()
    if "parent" in name or "parent" in ucd:
        return 3
    own = table.rsplit(".", 1)[-1].lower()
    return 0 if name in (own, f"{own}id") or "meta.main" in ucd else 2 - ucd.startswith("meta.id")


def described(upload: Upload) -> dict[str, Any]:
    """An upload as the panel lists it."""
    columns = _columns(upload)
    size = f"{upload.bytes / 2**20:,.1f} MiB" if upload.bytes >= 2**20 else f"{max(1, upload.bytes >> 10):,} KiB"
    plain = [c.name for c in columns if not c.is_array and c.datatype not in ("float", "double", "boolean")]
    return {
        "key": upload.key, "name": upload.name, "title": upload.title,
        "note": f"{upload.rows:,} row{'' if upload.rows == 1 else 's'} · {len(columns):,} columns · {size}",
        "places": list(position_columns(columns) or ()),
        "regions": _region_column(columns),
        "ids": sorted(plain, key=lambda name: not is_id(next(c for c in columns if c.name == name))),
    }  # fmt: skip


def _region_column(columns: list[Column]) -> str:
    """The column of STC-S regions, or empty."""
    found = (c.name for c in columns if c.is_text and (c.ucd.startswith("pos.outline") or c.name.lower() == "s_region"))
    return next(found, "")


def _columns(upload: Upload) -> list[Column]:
    return [Column(f.name, f.datatype, "*" if f.datatype.endswith("har") else "", f.unit, f.ucd) for f in upload.fields]


def target_query(
    upload: Upload,
    path: Path,
    doc: dict[str, Any],
    table: str,
    how: str,
    radius: float,
    column: str,
    target: str,
    inside: bool,
) -> str:
    """ADQL for the rows of ``table`` that belong to the rows of an upload, a comment first saying what it does.

    ``how``: "place" (``radius`` in arcsec), "id" (``column`` equals ``target``) or "region". ``inside``: targets
    written into the query, as regions always are. Raises QueryError for a table or column that is not there,
    LimitError for too many targets.
    """
    title = " ".join(upload.title.split())  # on one line: what follows it must not leave the comment
    known = {item["name"]: item for schema in doc["schemas"] for item in schema["tables"]}
    choice = next((item for item in searchable(doc) if item["name"] == table), None)
    if choice is None:
        raise QueryError(f"The service has no table {table} to search.", "Choose another one.")
    wanted = [str(item["name"]) for item in known[table]["columns"] if item["principal"]][:OF_SOURCE]
    needed = [name for name in (choice["ra"], choice["dec"], column if how == "id" else "") if name]
    source = Source(table, choice["ra"], choice["dec"], tuple(dict.fromkeys([*choice["ids"][:1], *needed, *wanted])))
    columns = _columns(upload)
    places = position_columns(columns) or ("", "")
    first = dict.fromkeys(
        [*(name for name in (target if how == "id" else "", *places) if name), *(c.name for c in columns)]
    )
    asked = set(list(first)[:OF_TARGETS])
    names = tuple(c.name for c in columns if c.name in asked)
    targets = Targets(upload.name, *places, names)
    if how == "place":
        if not (places[0] and source.ra):
            raise QueryError("Both tables need positions for this search.", "Search by id, or choose another table.")
        if not 0 < radius <= 3600:
            raise QueryError("The radius must be above 0 and at most 3600 arcsec.")
        if not inside:
            words = f"{table} within {radius:g} arcsec of the {upload.rows:,} positions of {title}"
            return f"-- {words}\n{join_by_position(source, targets, radius / ARCSEC)}"
        rows = first_rows(path, list(places), MOST_CONES + 1)
        text = cones(source, zip(*(rows[name] for name in places)), radius / ARCSEC)
        return f"-- {table} within {radius:g} arcsec of the positions of {title}, each written as a circle\n{text}"
    if how == "region":
        shapes = _region_column(columns)
        if not (shapes and source.ra):
            raise QueryError("This search needs regions in the upload and positions in the archive's table.")
        texts = first_rows(path, [shapes], MOST_CONES + 1)[shapes]
        return f"-- {table} inside the regions of {title}\n{regions(source, texts)}"
    if column not in {str(item["name"]) for item in known[table]["columns"]}:
        raise QueryError(f"{table} has no column {column}.", "Choose the column of ids.")
    if target not in {c.name for c in columns}:
        raise QueryError(f"{upload.name} has no column {target}.", "Choose the column of ids.")
    if not inside:
        return f"-- {table} with the ids of {title}\n{join_by_id(source, targets, column, target)}"
    ids = first_rows(path, [target], MOST_IDS + 1)[target]
    return f"-- {table} with the ids of {title}, written into the query\n{in_list(source, column, ids)}"


def first_rows(path: Path, columns: list[str], most: int) -> dict[str, list[Any]]:
    """The values of some columns in the first rows of an upload's VOTable; no more of the file is read than needed."""
    decoder, batches, rows = VOTableDecoder(), [], 0
    with path.open("rb") as file:
        while rows < most and (piece := file.read(PIECE)):
            got = decoder.feed(piece)
            rows += sum(batch.num_rows for batch in got)
            batches += got
        if rows < most:
            batches += decoder.close()
    return {name: [value for batch in batches for value in batch.column(name).to_pylist()][:most] for name in columns}
