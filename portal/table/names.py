"""Names a table engine can tell apart, made from names a service may have written twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from portal.table.columns import Column, TableMeta

ROW = "__row__"
"""The hidden column that holds the row number (uint32, from 0) in stored results."""

LABEL = "label."
"""``TableMeta.extra[LABEL + name]`` keeps the name as the service wrote it when it had to be changed."""


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def unique_names(columns: Sequence[Column]) -> tuple[tuple[Column, ...], dict[str, str]]:
    """Columns with names that differ even when case is ignored, and the labels of those that changed.

    The engine ignores case also in quoted names, so ``RA`` beside ``ra`` becomes ``RA_1``; a name that is
    empty becomes ``column_<n>``. A name that is already unique is never taken by a renamed one.
    """
    wanted = [item.name.replace("\0", "") for item in columns]
    taken = {ROW.casefold()}
    mine = [bool(name.strip()) and name.casefold() not in taken for name in wanted]
    for at, name in enumerate(wanted):
        if mine[at]:
            mine[at] = name.casefold() not in taken
            taken.add(name.casefold())
    out, labels = [], {}
    for at, (item, name) in enumerate(zip(columns, wanted)):
        if not mine[at]:
            stem, n = name if name.strip() else "column", 1 if name.strip() else at + 1
            while f"{stem}_{n}".casefold() in taken:
                n += 1
            name = f"{stem}_{n}"
            taken.add(name.casefold())
        if name != item.name:
            labels[LABEL + name] = item.name
        out.append(item if name == item.name else replace(item, name=name))
    return tuple(out), labels


def with_unique_names(meta: TableMeta) -> TableMeta:
    """The same table with names the engine can tell apart; the old ones kept as labels."""
    columns, labels = unique_names(meta.columns)
    return replace(meta, columns=columns, extra={**meta.extra, **labels}) if labels else meta


def label_of(meta: TableMeta, name: str) -> str:
    """The column's name as its service wrote it."""
    return meta.extra.get(LABEL + name, name)


def labels(meta: TableMeta) -> list[str]:
    """The columns' names as their service wrote them, but the engine's where two would be the same."""
    shown = [label_of(meta, item.name) for item in meta.columns]
    taken = Counter(shown)
    return [name if taken[name] == 1 and name.strip() else item.name for name, item in zip(shown, meta.columns)]
