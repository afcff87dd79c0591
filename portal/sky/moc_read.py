"""MOC files, whatever wrote them: FITS (MOC 1.1, 2.0), JSON, text, and the region of a multi-order sky map.

Reads the bytes itself: the compiled readers stop the whole process at some broken files. Everything is bounded, and
what is no coverage of the sky raises FormatError with what it is instead.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import NamedTuple

import numpy as np

from portal.errors import FormatError, LimitError

DEEPEST = 29  # order of HEALPix in MOC
FULL = 12 * 4**DEEPEST
MOST_BYTES = 128 << 20  # of a file, unpacked: 8 million ranges
MOST_TEXT = 32 << 20  # bytes of JSON or text: each cell takes ten times as much while it is read
MOST_CELLS = 8_000_000
MOST_BLOCKS = 200  # of a FITS header: 7,200 cards
CREDIBLE = 0.9  # of a sky map: the region that holds so much of the probability
BLOCK = 2880
CARD = 80
TYPES = {"K": ">i8", "J": ">i4", "D": ">f8", "E": ">f4", "I": ">i2", "B": "u1", "L": "u1"}
ASCII_TOKEN = re.compile(r"(\d{1,2})/|(\d{1,19})(?:-(\d{1,19}))?")
WANTED = "Give the MOC of a survey as FITS, JSON or text."


class Read(NamedTuple):
    """Ranges (n, 2) of order 29, sorted, apart, the end not in it; their order; what is to be said of them, or ""."""

    ranges: np.ndarray
    order: int
    note: str


def read_moc(content: bytes) -> Read:
    """The coverage that a file holds. Raises FormatError, LimitError."""
    content = _unpacked(content)
    if content[:6] == b"SIMPLE":
        return _fits(content)
    if len(content) > MOST_TEXT:
        raise LimitError(f"A MOC written as text is larger than {MOST_TEXT >> 20} MiB.", "Save it as FITS.")
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{":
        return _cells(_json(content))
    if re.match(rb"\d{1,2}/", start):
        return _cells(_text(content))
    if start[:1] == b"<":
        raise FormatError("This is a web page or an XML document, not a MOC.", WANTED)
    raise FormatError("This file is not a MOC." if content else "This file is empty.", WANTED)


def merged(ranges: np.ndarray) -> np.ndarray:
    """Ranges (n, 2) in order, those that touch made one."""
    ranges = ranges[ranges[:, 0] < ranges[:, 1]].astype(np.int64)
    if not len(ranges):
        return ranges
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ranges[:, 1])
    first = np.concatenate([[True], ranges[1:, 0] > reach[:-1]])
    ends = np.concatenate([np.flatnonzero(first)[1:], [len(ranges)]]) - 1
    return np.stack([ranges[first, 0], reach[ends]], axis=1)


def _unpacked(content: bytes) -> bytes:
    if content[:2] == b"\x1f\x8b":
        unpack = zlib.decompressobj(31)
        try:
            content = unpack.decompress(content, MOST_BYTES + 1)
        except zlib.error as error:
            raise FormatError(f"This file cannot be unpacked: {error}.", WANTED) from None
    if len(content) > MOST_BYTES:
        raise LimitError(f"The MOC is larger than {MOST_BYTES >> 20} MiB.", "Degrade it to a lower order first.")
    return content


def _cells(cells: dict[int, np.ndarray]) -> Read:
    """From pixel numbers (n, 2: first and last) of each order."""
    parts, total = [], 0
    for order, pixels in cells.items():
        if not 0 <= order <= DEEPEST:
            raise FormatError(f"Order {order} is outside 0 to {DEEPEST}.", WANTED)
        wrong = (pixels[:, 0] < 0) | (pixels[:, 1] >= 12 * 4**order) | (pixels[:, 0] > pixels[:, 1])
        if wrong.any():
            first = pixels[wrong][0]
            raise FormatError(f"There is no cell {first.max()} of order {order}.", "The MOC is broken.")
        shift = 2 * (DEEPEST - order)
        parts.append(np.stack([pixels[:, 0] << shift, (pixels[:, 1] + 1) << shift], axis=1))
        total += len(pixels)
        if total > MOST_CELLS:
            raise LimitError(f"The MOC has more than {MOST_CELLS:,} cells.", "Degrade it to a lower order first.")
    ranges = np.concatenate(parts) if parts else np.empty((0, 2), np.int64)
    return Read(merged(ranges), max(cells, default=0), "")


def _json(content: bytes) -> dict[int, np.ndarray]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"This JSON is broken: {str(error)[:100]}.", WANTED) from None
    if isinstance(found, dict) and ("s" in found or "t" in found):
        raise FormatError("This MOC has times in it.", "Only coverage of the sky is read from JSON.")
    cells = {}
    for key, pixels in found.items():
        whole = isinstance(pixels, list) and all(type(item) is int and 0 <= item < FULL for item in pixels)
        if not key.isascii() or not key.isdigit() or len(key) > 2 or not whole:
            raise FormatError('A JSON MOC is {"order": [pixel, ...], ...}.', "This one holds something else.")
        one = np.array(pixels, np.int64)
        cells[int(key)] = np.stack([one, one], axis=1)
    return cells


def _text(content: bytes) -> dict[int, np.ndarray]:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise FormatError("This text is not a MOC: it is not ASCII.", WANTED) from None
    found: dict[int, list[int]] = {}  # first and last in turn: pairs of their own would take four times the memory
    order, cells = -1, 0
    for word in (match[0] for match in re.finditer(r"[^\s,]+", text)):
        # Both "3/1" and "3/ 1" are written.
        for token in (word.partition("/")[0] + "/", word.partition("/")[2]) if "/" in word else (word,):
            if not token:
                continue
            match = ASCII_TOKEN.fullmatch(token)
            if match is None or (order < 0 and not match[1]):
                raise FormatError(f"{token[:30]!r} does not belong into a MOC.", WANTED)
            if match[1]:
                order = int(match[1])
                found.setdefault(order, [])
            else:
                first, last = int(match[2]), int(match[3] or match[2])
                found[order] += (min(first, FULL), min(last, FULL))
                cells += 1
                if cells > MOST_CELLS:
                    raise LimitError(f"The MOC has more than {MOST_CELLS:,} cells.", "Degrade it to a lower order.")
    return {order: np.array(pixels, np.int64).reshape(-1, 2) for order, pixels in found.items()}


def _fits(content: bytes) -> Read:
    header, at = _header(content, 0)
    header, at = _header(content, at + _data_bytes(header))
    if str(header.get("XTENSION", "")).strip() != "BINTABLE":
        raise FormatError("This FITS file has no table after its first header.", "A MOC is a binary table. " + WANTED)
    frame = str(header.get("COORDSYS", "C")).strip().upper()[:1]
    if frame != "C":
        raise FormatError(f"This MOC is in the frame {header['COORDSYS']!r}.", "A MOC of the sky is in ICRS.")
    table = _table(content, header, at)
    names = [str(header.get(f"TTYPE{i}", "")).strip().upper() for i in range(1, len(table.dtype.names) + 1)]
    first = table["f0"]
    if not np.issubdtype(first.dtype, np.integer):
        raise FormatError("The first column of this table holds no cells.", WANTED)
    ordering = str(header.get("ORDERING", "NUNIQ")).strip().upper()
    kind = f"{header.get('MOCDIM', '')}.{header.get('MOC', '')}".upper().replace(".TRUE", "")
    values = first.astype(np.int64).ravel()
    if "PROBDENSITY" in names:
        return _credible(values, table[f"f{names.index('PROBDENSITY')}"].astype(float).ravel())
    if "TIME" in kind or ordering == "RANGE29":
        if "SPACE" not in kind:
            raise FormatError("This MOC covers times, not the sky.", WANTED)
        return _of_space_and_time(values, header)
    if "FREQUENCY" in kind:
        raise FormatError("This MOC covers frequencies, not the sky alone.", WANTED)
    if ordering.startswith("RANGE"):
        order = _order(header, "MOCORD_S", "MOCORDER")
        return Read(_checked(_pairs(values)), order, "")
    if ordering not in ("NUNIQ", "UNIQ"):
        raise FormatError(f"This table of HEALPix pixels is ordered as {ordering}.", "A MOC is NUNIQ or RANGE.")
    found = _cells(_orders(values))
    return found._replace(order=max(found.order, _order(header, "MOCORD_S", "MOCORDER", least=0)))


def _header(content: bytes, at: int) -> tuple[dict[str, object], int]:
    """The cards of one header and where its data begin."""
    cards: dict[str, object] = {}
    for block in range(MOST_BLOCKS):
        start = at + block * BLOCK
        if start + BLOCK > len(content):
            raise FormatError("This FITS file ends inside a header.", "Send it again whole.")
        for card in range(start, start + BLOCK, CARD):
            text = content[card : card + CARD].decode("ascii", "replace")
            key = text[:8].strip()
            if key == "END":
                return cards, start + BLOCK
            if text[8:10] == "= " and key not in cards:
                cards[key] = _value(text[10:])
    raise LimitError(f"A header of this FITS file has more than {MOST_BLOCKS * 36:,} cards.", "It is no MOC.")


def _value(text: str) -> object:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].partition("'")[0].rstrip()
    word = text.partition("/")[0].strip()
    if re.fullmatch(r"[-+]?\d{1,18}", word):
        return int(word)
    return {"T": True, "F": False}.get(word, word)


def _whole(header: dict[str, object], key: str, low: int, high: int) -> int:
    value = header.get(key, low)
    if type(value) is not int or not low <= value <= high:
        raise FormatError(f"{key} of this FITS file is {str(value)[:30]!r}.", "The file is broken.")
    return value


def _data_bytes(header: dict[str, object]) -> int:
    size = abs(_whole(header, "BITPIX", -64, 64)) // 8 if _whole(header, "NAXIS", 0, 999) else 0
    for axis in range(1, _whole(header, "NAXIS", 0, 999) + 1):
        size *= _whole(header, f"NAXIS{axis}", 0, MOST_BYTES)
    return -(-min(size, MOST_BYTES + BLOCK) // BLOCK) * BLOCK


def _table(content: bytes, header: dict[str, object], at: int) -> np.ndarray:
    fields = []
    for number in range(1, _whole(header, "TFIELDS", 0, 200) + 1):
        form = re.fullmatch(r"(\d{0,6})([A-Z])", str(header.get(f"TFORM{number}", "")).strip())
        if form is None or form[2] not in TYPES:
            raise FormatError(f"Column {number} of this table is no column of a MOC.", WANTED)
        count = int(form[1] or 1)
        fields.append(
            (f"f{number - 1}", TYPES[form[2]], (count,)) if count != 1 else (f"f{number - 1}", TYPES[form[2]])
        )
    kind = np.dtype(fields)
    rows = _whole(header, "NAXIS2", 0, 1 << 40)
    if not fields or kind.itemsize != _whole(header, "NAXIS1", 0, MOST_BYTES):
        raise FormatError("The columns of this table do not fill its rows.", "The file is broken.")
    if at + rows * kind.itemsize > len(content):
        raise FormatError("This FITS file ends before its table does.", "Send it again whole.")
    return np.frombuffer(content, kind, rows, at)


def _order(header: dict[str, object], *keys: str, least: int = DEEPEST) -> int:
    return next((_whole(header, key, 0, DEEPEST) for key in keys if key in header), least)


def _orders(uniq: np.ndarray) -> dict[int, np.ndarray]:
    """Pixels of each order from NUNIQ numbers: pixel + 4 ** (order + 1)."""
    uniq = uniq[uniq != 0]  # padding
    if (uniq < 4).any():
        raise FormatError(f"{uniq[uniq < 4][0]} is no cell of a MOC.", "The MOC is broken.")
    order = (np.frexp(uniq.astype(float))[1] - 1) // 2 - 1
    over = uniq < (np.int64(1) << (2 * order + 2))  # a double rounds the largest up
    order = order - over
    found = {}
    for one in np.unique(order).tolist():
        pixels = uniq[order == one] - (1 << (2 * one + 2))
        found[one] = np.stack([pixels, pixels], axis=1)
    return found


def _pairs(values: np.ndarray) -> np.ndarray:
    if len(values) % 2:
        raise FormatError("The ranges of this MOC do not come in pairs.", "The MOC is broken.")
    return values.reshape(-1, 2)


def _checked(ranges: np.ndarray) -> np.ndarray:
    if len(ranges) > MOST_CELLS:
        raise LimitError(f"The MOC has more than {MOST_CELLS:,} ranges.", "Degrade it to a lower order first.")
    if ((ranges[:, 0] < 0) | (ranges[:, 1] > FULL) | (ranges[:, 0] > ranges[:, 1])).any():
        raise FormatError("A range of this MOC lies outside the sky.", "The MOC is broken.")
    return merged(ranges)


def _of_space_and_time(values: np.ndarray, header: dict[str, object]) -> Read:
    """The places of all times. Pairs of times stand with a sign (MOC 2.0, section 4.3.1), those of places without."""
    pairs = _pairs(values)
    times = (pairs < 0).any(axis=1)
    order = _order(header, "MOCORD_S", "MOCORDER", "MOCORD_1")
    return Read(_checked(pairs[~times]), order, "of all its times")


def _credible(uniq: np.ndarray, density: np.ndarray) -> Read:
    """The smallest region that holds 90 % of the probability of a multi-order sky map (by whole cells)."""
    if len(uniq) > MOST_CELLS:
        raise LimitError(f"The map has more than {MOST_CELLS:,} cells.", "Use one of lower resolution.")
    if not len(uniq) or (uniq < 4).any() or not np.isfinite(density).all() or (density < 0).any():
        raise FormatError("A cell or a density of this sky map is not sound.", "The map is broken.")
    cells = _orders(uniq)
    order = (np.frexp(uniq.astype(float))[1] - 1) // 2 - 1
    probability = density * (4 * np.pi / 12) / 4.0**order
    ranked = np.argsort(-density, kind="stable")
    held = np.cumsum(probability[ranked])
    if not 0.5 < held[-1] < 1.5:
        raise FormatError(f"The probability of this sky map sums to {held[-1]:.3g}.", "The map is broken.")
    inside = uniq[ranked[: int(np.searchsorted(held, CREDIBLE * held[-1])) + 1]]
    found = _cells(_orders(inside))
    return found._replace(order=max(cells), note=f"{CREDIBLE:.0%} of the probability")
