"""Tiles of compressed pixels (FITS 4.0, section 10): Rice decoding, and from whole numbers back to floats.

Compiled and bounded by the arrays given: no file can make them read or write elsewhere. They hold no Python lock.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

NO_DITHER, DITHER_1, DITHER_2 = range(3)  # the second kind writes an exact 0 as -2147483646
RANDOMS = 10_000


def _randoms() -> np.ndarray:
    """The sequence of appendix I."""
    out, seed = np.empty(RANDOMS, np.float32), 1
    for at in range(RANDOMS):
        seed = seed * 16807 % 2147483647
        out[at] = seed / 2147483647
    return out


DITHER = _randoms()


@intrinsic
def _leading_zeros(typing, bits):
    """Of a uint64 that is not 0."""

    def build(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@njit(nogil=True)
def _filled(code, place, held, count):
    """At least 57 bits of ``code`` in the upper end of ``held``; zeros behind its end."""
    while count <= 56:
        if place < code.size:
            held |= np.uint64(code[place]) << np.uint64(56 - count)
        place += 1
        count += 8
    return place, held, count


@njit(nogil=True)
def _wrapped(value, width):
    """A pixel of ``width`` bytes: single bytes are unsigned, the others signed."""
    if width == 4:
        return np.int32(value & 0xFFFFFFFF)
    if width == 2:
        return np.int32(np.int16(value & 0xFFFF))
    return np.int32(value & 0xFF)


@njit(nogil=True, cache=True)
def rice(code, width, block, out):
    """Decode RICE_1: bytes ``code`` into ``out`` (int32, flat). False when the code ends too early.

    ``width``: bytes of a pixel when it was coded (1, 2 or 4); ``block``: pixels of a block.
    """
    split_bits, raw = (5, 25) if width == 4 else (4, 14) if width == 2 else (3, 6)
    last = np.int64(0)
    for at in range(min(width, code.size)):
        last = last << 8 | np.int64(code[at])
    place, held, count = width, np.uint64(0), 0
    i, n = 0, out.size
    while i < n:
        stop = min(n, i + block)
        place, held, count = _filled(code, place, held, count)
        split = np.int64(held >> np.uint64(64 - split_bits)) - 1
        held <<= np.uint64(split_bits)
        count -= split_bits
        if split < 0:  # all the same
            while i < stop:
                out[i] = _wrapped(last, width)
                i += 1
        elif split >= raw:  # differences as they are
            while i < stop:
                place, held, count = _filled(code, place, held, count)
                folded = np.int64(held >> np.uint64(64 - 8 * width))
                held <<= np.uint64(8 * width)
                count -= 8 * width
                last += (folded >> 1) ^ -(folded & 1)
                out[i] = _wrapped(last, width)
                i += 1
        else:  # the upper part as so many zeros and a one, the lower part in ``split`` bits
            while i < stop:
                if count < 48:
                    place, held, count = _filled(code, place, held, count)
                zeros = 0
                while not held:
                    if place > code.size + 8:
                        return False
                    zeros += count
                    place, held, count = _filled(code, place, held, 0)
                lead = _leading_zeros(held)
                held = held << np.uint64(lead) << np.uint64(1)
                count -= lead + 1
                if count < split:
                    place, held, count = _filled(code, place, held, count)
                # Two steps: a shift by 64 (no lower part) is not defined.
                low = np.int64(held >> np.uint64(1) >> np.uint64(63 - split))
                held <<= np.uint64(split)
                count -= split
                folded = np.int64(zeros + lead) << split | low
                last += (folded >> 1) ^ -(folded & 1)
                out[i] = _wrapped(last, width)
                i += 1
        if place - count // 8 > code.size:
            return False
    return True


@njit(nogil=True, cache=True)
def restored(numbers, scale, zero, blank, method, row, randoms, out):
    """Floats of a tile from its whole numbers (both flat): ``n scale + zero``, dithered ``(n - r + 1/2) scale + zero``.

    ``method``: NO_DITHER, DITHER_1 or DITHER_2; ``row``: the tile's number, from 0, plus ZDITHER0 - 1; ``randoms``:
    DITHER. ``blank`` becomes NaN (a value that no int32 has: none does).
    """
    if method == 0:
        for i in range(out.size):
            out[i] = numbers[i] * scale + zero
    else:
        start = row % randoms.size
        at = np.int64(randoms[start] * np.float32(500))
        i = 0
        while i < out.size:
            for k in range(min(out.size - i, randoms.size - at)):
                out[i + k] = (np.float64(numbers[i + k]) - np.float64(randoms[at + k]) + 0.5) * scale + zero
            i += randoms.size - at
            start = (start + 1) % randoms.size
            at = np.int64(randoms[start] * np.float32(500))
    if method == 2:
        for i in range(out.size):
            out[i] = 0.0 if numbers[i] == -2147483646 else out[i]
    if -2147483648 <= blank <= 2147483647:
        for i in range(out.size):
            out[i] = np.nan if numbers[i] == blank else out[i]


@njit(nogil=True, cache=True)
def rice_tiles(heap, places, scaling, blanks, method, rows, randoms, width, block, boxes, skips, floats, out):
    """Decode tiles into ``out`` (2-D; int32, or float32 / float64 when ``floats``). The first damaged one, -1 if none.

    For each tile: ``places`` (start and size of its bytes in ``heap``; of size 0: passed over), ``scaling`` (scale
    and zero), ``blanks``, ``rows`` (see ``restored``), ``boxes`` (y, x, height, width in ``out``) and ``skips``
    (pixels of the tile before those wanted, and pixels in all).
    """
    numbers = np.empty(1, np.int32)
    values = np.empty(1, out.dtype)
    for tile in range(places.shape[0]):
        start, size = places[tile, 0], places[tile, 1]
        if not size:
            continue
        y, x, height, across = boxes[tile, 0], boxes[tile, 1], boxes[tile, 2], boxes[tile, 3]
        before, total = skips[tile, 0], skips[tile, 1]
        if numbers.size < total:
            numbers, values = np.empty(total, np.int32), np.empty(total, out.dtype)
        if not rice(heap[start : start + size], width, block, numbers[:total]):
            return tile
        if floats:
            restored(
                numbers, scaling[tile, 0], scaling[tile, 1], blanks[tile], method, rows[tile], randoms, values[:total]
            )
        else:
            for i in range(total):
                values[i] = numbers[i]
        for j in range(height):
            for i in range(across):
                out[y + j, x + i] = values[before + j * across + i]
    return -1
