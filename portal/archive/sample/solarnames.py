"""Designations of the planted asteroids, and the ids that follow from them.

A provisional designation of the year of passing plus a hundred: well formed, and no real body's for a century.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

HALF_MONTHS = "ABCDEFGHJKLMNOPQRSTUVWXY"  # no I; Z is not needed
ORDER = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # no I
_CYCLES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOST = len(ORDER) * 10 * len(_CYCLES)  # in one half-month
YEARS_LATER = 100


def names(mjd: np.ndarray, known: Collection[str] = ()) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Packed ("L26U01A") and readable ("2126 UA1") designations of bodies found at these times, and their ids.

    Names in ``known`` (packed) are passed over. ValueError when a half-month has more bodies than names.
    """
    dates = np.datetime64("1858-11-17") + np.floor(mjd).astype("timedelta64[D]")
    taken = set(known)
    following: dict[tuple[int, int], int] = {}
    packed, readable = [], []
    for date in dates.tolist():
        half = (date.year + YEARS_LATER, 2 * (date.month - 1) + (date.day > 15))
        number = following.get(half, 0)
        while number < MOST and pack(*half, number) in taken:
            number += 1
        if number >= MOST:
            raise ValueError(f"more than {MOST} designations in one half-month")
        following[half] = number + 1
        packed.append(pack(*half, number))
        cycle = number // len(ORDER)
        readable.append(f"{half[0]} {HALF_MONTHS[half[1]]}{ORDER[number % len(ORDER)]}{cycle or ''}")
    return np.array(packed, "U7"), np.array(readable, "U12"), np.array([ident_of(p) for p in packed], np.int64)


def pack(year: int, half_month: int, number: int) -> str:
    """The MPC's seven letters for the ``number``-th body (from 0) of a half-month (0 ... 23)."""
    cycle, letter = divmod(number, len(ORDER))
    century = chr(ord("A") + year // 100 - 10)
    return f"{century}{year % 100:02d}{HALF_MONTHS[half_month]}{_CYCLES[cycle // 10]}{cycle % 10}{ORDER[letter]}"


def ident_of(packed: str) -> int:
    """ssObjectId: the letters of the packed designation as bytes of one integer, as Rubin makes them."""
    return int.from_bytes(packed.encode("ascii"), "big")
