"""Numbers and names as the engine reads them."""

from __future__ import annotations


def number(value: float) -> str:
    """A DuckDB literal that is a DOUBLE: without the exponent it would be a DECIMAL."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def quote(name: str) -> str:
    """A name between double quotes."""
    return '"' + name.replace('"', '""') + '"'
