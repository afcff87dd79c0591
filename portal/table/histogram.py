"""Counts of numbers in equal bins, linear or of equal ratios."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

FAR = 10  # a range this many times that of 99.8 % of the values hides them in one bin: it is cut


class Histogram(NamedTuple):
    """``counts`` in equal bins from ``low`` to ``high``; with ``log``, these are log10 of the values.

    ``below`` and ``above`` count what lies outside, which is there only when far outliers would hide the rest;
    ``without`` what has no logarithm. Bins of whole numbers begin and end half-way between two of them.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    log: bool = False
    below: int = 0
    above: int = 0
    without: int = 0


def count_numbers(numbers: np.ndarray, middle: tuple[float, float], bins: int, log: bool = False) -> Histogram | None:
    """The histogram of finite numbers; ``middle`` holds the 0.1 % and 99.9 % quantiles. None when nothing is left."""
    without = 0
    if log:
        positive = numbers[numbers > 0]
        without = len(numbers) - len(positive)
        numbers = np.log10(positive, dtype=np.float64)
        low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)
    elif len(numbers):
        low, high = _range(float(numbers.min()), float(numbers.max()), *map(float, middle))
    if not len(numbers):
        return Histogram(0.0, 1.0, (0,) * bins, log, without=without) if log else None
    if not high > low:
        reach = abs(low) * 1e-3 or 0.5
        low, high = low - reach, high + reach
    counts = bin_counts(numbers, low, high, bins)
    below, above = int(counts[0]), int(counts[-1])
    return Histogram(low, high, tuple(counts[1:-1].tolist()), log, below, above, without)


@njit(nogil=True, cache=True)
def bin_counts(numbers, low, high, bins):
    """Counts of finite numbers: below ``low``, in each of the bins (the last one closed), above ``high``."""
    counts = np.zeros(bins + 2, np.int64)
    # In halves, for the span of the largest doubles is no double.
    scale = bins / (high / 2 - low / 2)
    for value in numbers:
        if value < low:
            counts[0] += 1
        elif value > high:
            counts[bins + 1] += 1
        else:
            counts[1 + min(int((value / 2 - low / 2) * scale), bins - 1)] += 1
    return counts


def count_whole(numbers: np.ndarray, low: int, high: int, bins: int) -> Histogram:
    """The histogram of whole numbers, every bin as many of them wide; exact also beyond 2^53."""
    width = max(1, -(-(high - low + 1) // bins))
    bins = (high - low) // width + 1
    wide = numbers.astype(np.uint64) - np.uint64(low % (1 << 64))  # wraps round to what is meant
    counts = np.bincount((wide // np.uint64(width)).astype(np.int64), minlength=bins)
    return Histogram(low - 0.5, low - 0.5 + bins * width, tuple(counts.tolist()))


def _range(low: float, high: float, early: float, late: float) -> tuple[float, float]:
    span = late - early
    if span > 0 and high / FAR - low / FAR > span:
        return max(low, early - span / 10), min(high, late + span / 10)
    return low, high


def range_text(kind: str, low: float, high: float) -> str:
    """A brushed range as the text of a filter box; ``kind`` as in a profile.

    Borders are rounded to a thousandth of the range (or of themselves, when that is finer), whole numbers and times to
    those inside.
    """
    low, high = min(low, high), max(low, high)
    if kind == "whole" and max(abs(low), abs(high)) >= 2**53:
        # The borders came as doubles: outwards to the next one, so that none that was brushed is lost.
        return f"{int(math.nextafter(low, -math.inf))}..{int(math.nextafter(high, math.inf))}"
    if kind == "whole":
        first, last = math.ceil(low), math.floor(high)
        return f"{first}..{last}" if first < last else str(first)
    if kind == "time":
        return "..".join(str(np.datetime64(int(value), "s")) for value in (math.floor(low), math.ceil(high)))
    finest = min((abs(value) for value in (high - low, low, high) if value), default=1.0)
    digits = 3 - math.floor(math.log10(finest))
    texts = [repr(round(value, digits)).removesuffix(".0") for value in (low, high)]
    return "..".join(texts)
