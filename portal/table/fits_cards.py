"""Cards of a FITS header (FITS 4.0, section 4): 80 characters of ASCII each."""

from __future__ import annotations

from collections.abc import Iterable

BLOCK = 2880
ON_CARD = 68  # characters of a text that one card holds
LONGEST = 8_000  # characters kept of one text: a query of two pages


def printable(text: str) -> str:
    """ASCII without control characters; "?" stands for what has no place there."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(mark if mark.isprintable() else " " for mark in plain)


def card(key: str, value: bool | int | str, comment: str = "") -> str:
    """The card of a keyword; a text longer than a card goes on in CONTINUE cards (section 4.2.1.2)."""
    if isinstance(value, str):
        return _text_cards(key, printable(value)[:LONGEST].replace("'", "''"), comment)
    shown = ("T" if value else "F") if isinstance(value, bool) else str(value)
    return _padded(f"{key:<8}= {shown:>20}", comment)


def _padded(text: str, comment: str = "") -> str:
    return f"{text} / {comment}"[:80].ljust(80) if comment else text.ljust(80)


def _text_cards(key: str, quoted: str, comment: str) -> str:
    if len(quoted) <= ON_CARD:
        return _padded(f"{key:<8}= '{quoted:<8}'", comment)
    parts = []
    while len(quoted) > ON_CARD:
        cut = ON_CARD - 1
        # A doubled quote must not be parted.
        while quoted[:cut].count("'") % 2:
            cut -= 1
        parts.append(quoted[:cut] + "&")
        quoted = quoted[cut:]
    heads = [f"{key:<8}= ", *["CONTINUE  "] * len(parts)]
    return "".join(_padded(f"{head}'{part}'") for head, part in zip(heads, [*parts, quoted]))


def short_names(names: Iterable[str]) -> list[str]:
    """Names that fit one card each, no two the same whatever their case: astropy reads no table with a longer one."""
    out: list[str] = []
    taken: set[str] = set()
    for name in names:
        short, count = _short(printable(name), ""), 1
        while short.casefold() in taken:
            count += 1
            short = _short(printable(name), f"_{count}")
        taken.add(short.casefold())
        out.append(short)
    return out


def _short(name: str, ending: str) -> str:
    while len((name + ending).replace("'", "''")) > ON_CARD:
        name = name[:-1]
    return name + ending


def comments(key: str, text: str) -> list[str]:
    """COMMENT or HISTORY cards that hold a text."""
    plain = " ".join(printable(text).split())[:LONGEST]
    return [f"{key:<8}{plain[at : at + 72]:<72}" for at in range(0, len(plain), 72)]


def block(cards: Iterable[str]) -> bytes:
    """The cards and END, filled up to whole blocks."""
    text = "".join(cards) + f"{'END':<80}"
    return (text + " " * (-len(text) % BLOCK)).encode("ascii")
