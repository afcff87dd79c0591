"""What is marked, taken out of the page: as a list of ids, as an ADQL condition, as a query made narrower."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from .adql.narrow import meanings, named, with_condition
from .adql.parse import parse_adql
from .errors import LimitError, QueryError
from .look import Look
from .table.clauses import selection_sql
from .table.columns import Column, TableMeta
from .table.expression import check_condition
from .table.filters import column_filter
from .table.in_adql import AdqlWriter
from .table.names import label_of
from .table.order import RowView
from .table.result import ResultTable

CHUNK = 65_536  # ids written at once
IDS_IN_QUERY = 5_000  # ids of one IN list: 100 kB of ADQL, half of what a query may have
IDS_COPIED = 100_000  # ids put on the clipboard at once: 2 MB of text


def marked_view(look: Look, meta: TableMeta) -> RowView:
    """The marked rows that are shown, in their order. Raises QueryError when nothing is marked."""
    if not look.clauses:
        raise QueryError("Nothing is marked.", "Mark rows in the table, on the sky or in the chart first.")
    view = look.row_view(meta)
    parts = [part for part in (view.where, selection_sql(look.clauses)) if part]
    return view._replace(where=" AND ".join(f"({part})" for part in parts))


def id_columns(meta: TableMeta) -> list[str]:
    """Columns whose values can stand for rows, the likeliest first: whole numbers and text."""

    def rank(column: Column) -> tuple[bool, bool, bool]:
        ucd, name = column.ucd, column.name.lower()
        return not (ucd.startswith("meta.id") and "meta.main" in ucd), not name.endswith("id"), column.is_text

    able = [c for c in meta.columns if not c.is_array and (c.is_text or c.datatype in ("long", "int", "short"))]
    return [column.name for column in sorted(able, key=rank)]


def ids_text(table: ResultTable, look: Look, column: str, most: int = 0) -> Iterator[bytes]:
    """The ids of the marked rows, one on a line, digit by digit; rows without one are left out.

    Raises QueryError for a column that has no ids, LimitError when there are more than ``most`` (0 for any number).
    """
    rows = _marked(table, look, column, most, "Download the list instead.")

    def lines() -> Iterator[bytes]:
        for start in range(0, len(rows), CHUNK):
            texts = _texts(table, rows[start : start + CHUNK], column)
            if texts:
                yield ("\n".join(texts) + "\n").encode()

    return lines()


def _marked(table: ResultTable, look: Look, column: str, most: int, hint: str):
    if column not in id_columns(table.meta):
        raise QueryError(f"The column {column} has no ids.", "Choose a column of whole numbers or text.")
    rows = table.rows(marked_view(look, table.meta))
    if most and len(rows) > most:
        raise LimitError(f"{len(rows):,} rows are marked; {most:,} can be taken here.", hint)
    return rows


def _texts(table: ResultTable, rows: Sequence[int], column: str) -> list[str]:
    cells = table.take(rows, [column]).column(0)
    texts = pc.drop_null(pc.cast(cells, pa.string())).to_pylist()
    return [" ".join(text.split()) for text in texts if text.strip()]


def adql_condition(table: ResultTable, look: Look, query: str, column: str) -> str:
    """The marked rows that are shown as a condition on the rows that ``query`` reads ("" for a result of no query).

    Ticked rows become a list of the ids in ``column``. Raises QueryError when ADQL cannot say it.
    """
    meta = table.meta
    marked_view(look, meta)
    kinds = {item.name: item for item in meta.columns}

    def ids(sql: str) -> tuple[str, list[str]]:
        if column not in kinds:
            raise QueryError("Ticked rows are said by their ids, and no column of ids is chosen.")
        where = look.row_view(meta).where
        rows = table.where(f"({where}) AND ({sql})" if where else sql)
        if len(rows) > IDS_IN_QUERY:
            raise LimitError(
                f"{len(rows):,} ticked rows are too many for a query (at most {IDS_IN_QUERY:,}).",
                "Mark them by a region, or make a new table of them and upload it.",
            )
        texts = dict.fromkeys(_texts(table, rows, column))
        return column, [_literal(text, kinds[column]) for text in texts]

    writer = AdqlWriter(_meaning(table, query), ids)
    parts = [writer.selection(look.clauses)]
    parts += [writer.clause(item) for item in look.kept]
    parts += [writer.predicate(column_filter(kinds[name], text)) for name, text in look.filters if name in kinds]
    if look.condition.strip():
        parts.append(writer.predicate(check_condition(look.condition, meta.columns)))
    return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)


def _literal(text: str, column: Column) -> str:
    return text if column.is_number else "'" + text.replace("'", "''") + "'"


def _meaning(table: ResultTable, query: str) -> dict[str, str]:
    """What every column of the result is inside the query; computed columns in terms of those they are made of."""
    made = {item.name for item in table.derived}
    names = [item.name for item in table.meta.columns if item.name not in made]
    labels = [label_of(table.meta, name) for name in names]
    if len(set(labels)) < len(labels):
        labels = names
    known = meanings(query, labels) if query.strip() else {label: named(label) for label in labels}
    found = {name: known[label] for name, label in zip(names, labels)}
    for item in table.derived:
        # One that ADQL cannot say is left out; a condition that uses it is refused by its name.
        try:
            found[item.name] = AdqlWriter(found, lambda sql: ("", [])).value(item.sql)
        except QueryError:
            continue
    return found


def narrowed_query(written: str, query: str, condition: str) -> str:
    """The query with the condition: what is written in the editor if it reads the same tables, else the result's own.

    Raises QueryError when there is no query to make narrower.
    """
    if not query.strip():
        raise QueryError("This result came from no query.", "Copy the condition, or download the list of ids.")
    return with_condition(written if _reads(written) == _reads(query) else query, condition)


def _reads(query: str) -> tuple[str, ...]:
    try:
        tree = parse_adql(query)
    except QueryError:
        return ()
    joins = tree.args.get("joins") or []
    source = tree.args.get("from_") or tree.args.get("from")
    return (source.sql() if source else "", *(join.sql() for join in joins)) if isinstance(tree, exp.Select) else ()
