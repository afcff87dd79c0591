"""One row as it is read on its own: every column with its value, its error beside it, and every digit of both."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from portal.table.cells import cell_texts, exact_texts
from portal.table.columns import Column

WHOLE_LIMIT = 200_000  # characters of one value: an image in a cell is cut, a spectrum is not
AFTER = ("Err", "Error", "Sigma", "Unc", "_err", "_error", "_sigma", "_unc", "err", "_e")
BEFORE = ("e_", "err_", "sigma_", "sig_", "error_")


def error_columns(columns: Sequence[Column]) -> dict[str, str]:
    """The column that holds the error of a column, by name of the latter.

    By name (``x`` with ``xErr``, ``x_err``, ``e_x``, ``sigma_x``, in any case), of the same unit where both say one;
    else by UCD, ``stat.error;U`` with the one column of UCD ``U``.
    """
    numbers = [item for item in columns if item.is_number or item.is_array]
    by_name = {item.name.casefold(): item for item in numbers}
    by_ucd: dict[str, list[Column]] = {}
    for item in numbers:
        by_ucd.setdefault(_words(item.ucd), []).append(item)
    found: dict[str, str] = {}
    for item in numbers:
        stem, band = item.name, ""
        # A flux of an aperture or a band may carry what tells it apart behind: ap09Flux_r with ap09FluxErr_r.
        parts = re.fullmatch(r"(.+)(_[ugrizy])", item.name)
        if parts:
            stem, band = parts.groups()
        names = [f"{item.name}{end}" for end in AFTER] + [f"{start}{item.name}" for start in BEFORE]
        names += [f"{stem}{end}{band}" for end in AFTER] if band else []
        wanted = (by_name.get(name.casefold()) for name in names)
        error = next((other for other in wanted if other is not None and _same_unit(item, other)), None)
        if error is None and item.ucd:
            alone = len(by_ucd[_words(item.ucd)]) == 1
            others = by_ucd.get(f"stat.error;{_words(item.ucd)}", [])
            error = others[0] if alone and len(others) == 1 else None
        if error is not None and error.is_array == item.is_array:
            found[item.name] = error.name
    return found


def _words(ucd: str) -> str:
    """A UCD in lower case without meta.main, which an error does not repeat."""
    words = (word.strip() for word in ucd.lower().split(";"))
    return ";".join(word for word in words if word and word != "meta.main")


def _same_unit(one: Column, other: Column) -> bool:
    return not one.unit.strip() or not other.unit.strip() or one.unit.strip() == other.unit.strip()


def value_texts(column: Column, values: pa.ChunkedArray, sky: str = "") -> list[list[str | None]]:
    """Per row [text as the table shows it, every digit or element of it]; [None, None] for null."""
    shown = cell_texts(column, values, sky)
    whole = exact_texts(values)
    return [
        [None, None] if text is None else [text, exact[:WHOLE_LIMIT]] for text, exact in zip(shown, whole, strict=True)
    ]
