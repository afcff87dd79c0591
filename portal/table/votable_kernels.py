"""Compiled loops that take VOTable rows apart. They index unchecked, so each compares with the end first.

All integers are int64; a negative or huge count never moves the position. Kernels release the interpreter lock.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# How a cell lies in a row: widths 1, 2, 4, 8 stand for themselves.
RUN = 0  # a fixed number of bytes
COUNTED = 9  # an int32 count, then that many elements of the width
BITS = 10  # an int32 count, then that many bits

MORE, DONE, TOO_LONG, BAD_COUNT = 0, 1, 2, 3


@njit(nogil=True, cache=True, inline="always")
def _word(buf, at):
    return (
        (np.uint32(buf[at]) << np.uint32(24))
        | (np.uint32(buf[at + 1]) << np.uint32(16))
        | (np.uint32(buf[at + 2]) << np.uint32(8))
        | np.uint32(buf[at + 3])
    )


@njit(nogil=True, cache=True)
def walk_binary(buf, pos, end, rows, flags, kinds, widths, slots, w8, w4, w2, w1, starts, sizes, valid, limit):
    """Take up to ``rows`` whole rows from ``buf[pos:end]``; returns (rows taken, position, status).

    ``flags`` bytes of null marks lead each row (0 in BINARY). Column c of kind ``kinds[c]`` goes to line
    ``slots[c]`` of the array of its width, big-endian made native; runs leave their start and size in bytes.
    ``valid`` (columns, bytes of bits, all ones) loses the bits of null cells. A cell over ``limit`` bytes ends
    the walk with TOO_LONG, a negative count with BAD_COUNT.
    """
    columns = len(kinds)
    for row in range(rows):
        at = pos + flags
        if at > end:
            return row, pos, MORE
        for c in range(columns):
            kind, slot = kinds[c], slots[c]
            if kind == 8:
                if at + 8 > end:
                    return row, pos, MORE
                w8[slot, row] = (np.uint64(_word(buf, at)) << np.uint64(32)) | np.uint64(_word(buf, at + 4))
                at += 8
            elif kind == 4:
                if at + 4 > end:
                    return row, pos, MORE
                w4[slot, row] = _word(buf, at)
                at += 4
            elif kind == 2:
                if at + 2 > end:
                    return row, pos, MORE
                w2[slot, row] = (np.uint16(buf[at]) << np.uint16(8)) | np.uint16(buf[at + 1])
                at += 2
            elif kind == 1:
                if at + 1 > end:
                    return row, pos, MORE
                w1[slot, row] = buf[at]
                at += 1
            else:
                size = widths[c]
                if kind != 0:
                    if at + 4 > end:
                        return row, pos, MORE
                    count = np.int64(np.int32(_word(buf, at)))
                    at += 4
                    if count < 0:
                        return row, pos, BAD_COUNT
                    if count > limit:
                        return row, pos, TOO_LONG
                    size = (count + 7) >> 3 if kind == 10 else count * size
                if size > limit:
                    return row, pos, TOO_LONG
                if at + size > end:
                    return row, pos, MORE
                starts[slot, row] = at
                sizes[slot, row] = size
                at += size
        for k in range(flags):
            marks = buf[pos + k]
            if marks:
                for bit in range(8):
                    c = k * 8 + bit
                    if c < columns and (marks >> (7 - bit)) & 1:
                        valid[c, row >> 3] &= np.uint8(255 ^ (1 << (row & 7)))
        pos = at
    return rows, pos, DONE


@njit(nogil=True, cache=True)
def gather(buf, starts, sizes, offsets, out):
    """Copy runs one behind the other into ``out``; ``offsets`` (n + 1, filled before) say where each goes.

    Returns (OR of all bytes, whether a zero byte was met, whether an ampersand was met).
    """
    union, zero, ampersand = np.uint8(0), False, False
    for row in range(len(starts)):
        at, to = starts[row], np.int64(offsets[row])
        for k in range(sizes[row]):
            byte = buf[at + k]
            out[to + k] = byte
            union |= byte
            zero |= byte == 0
            ampersand |= byte == 38
    return union, zero, ampersand


ROWS_END, UNUSUAL, TOO_MANY, TOO_FEW = 4, 5, 6, 7


@njit(nogil=True, cache=True, inline="always")
def _blank(byte):
    return byte == 32 or byte == 10 or byte == 13 or byte == 9


@njit(nogil=True, cache=True)
def walk_cells(buf, pos, end, rows, columns, starts, sizes):
    """Find the cells of up to ``rows`` rows of TABLEDATA; returns (rows taken, position, status).

    Knows plain ``<TR><TD>text</TD><TD/></TR>`` with or without attributes free of ``>``; stops with UNUSUAL
    before a row it does not know (comments, CDATA, prefixes), with ROWS_END at any ``</`` between rows.
    ``starts`` and ``sizes`` are (columns, rows) byte ranges.
    """
    for row in range(rows):
        at = pos
        while at < end and _blank(buf[at]):
            at += 1
        if at + 4 > end:
            return row, pos, MORE
        if buf[at] != 60:
            return row, pos, UNUSUAL
        if buf[at + 1] == 47:
            return row, at, ROWS_END
        if buf[at + 1] != 84 or buf[at + 2] != 82:
            return row, pos, UNUSUAL
        at += 3
        if buf[at] != 62:
            if not _blank(buf[at]):
                return row, pos, UNUSUAL
            while at < end and buf[at] != 62:
                if buf[at] == 60:
                    return row, pos, UNUSUAL
                at += 1
            if at >= end:
                return row, pos, MORE
            if buf[at - 1] == 47:
                return row, pos, UNUSUAL
        at += 1
        column = 0
        while True:
            while at < end and _blank(buf[at]):
                at += 1
            if at + 5 > end:
                return row, pos, MORE
            if buf[at] != 60:
                return row, pos, UNUSUAL
            if buf[at + 1] == 47:
                if buf[at + 2] != 84 or buf[at + 3] != 82 or buf[at + 4] != 62:
                    return row, pos, UNUSUAL
                at += 5
                break
            if buf[at + 1] != 84 or buf[at + 2] != 68:
                return row, pos, UNUSUAL
            if column >= columns:
                return row, pos, TOO_MANY
            at += 3
            if buf[at] != 62 and buf[at] != 47 and not _blank(buf[at]):
                return row, pos, UNUSUAL
            while at < end and buf[at] != 62:
                if buf[at] == 60:
                    return row, pos, UNUSUAL
                at += 1
            if at >= end:
                return row, pos, MORE
            closed = buf[at - 1] == 47
            at += 1
            starts[column, row] = at
            sizes[column, row] = 0
            if not closed:
                begin = at
                while at < end and buf[at] != 60:
                    at += 1
                if at + 5 > end:
                    return row, pos, MORE
                sizes[column, row] = at - begin
                if buf[at + 1] != 47 or buf[at + 2] != 84 or buf[at + 3] != 68 or buf[at + 4] != 62:
                    return row, pos, UNUSUAL
                at += 5
            column += 1
        if column < columns:
            return row, pos, TOO_FEW
        pos = at
    return rows, pos, DONE


@njit(nogil=True, cache=True)
def trim(buf, starts, sizes):
    """Take blanks, and a plus sign before a number, off the ends of the cells, in place."""
    for row in range(len(starts)):
        at, size = starts[row], sizes[row]
        while size > 0 and _blank(buf[at]):
            at += 1
            size -= 1
        while size > 0 and _blank(buf[at + size - 1]):
            size -= 1
        if size > 1 and buf[at] == 43 and buf[at + 1] != 45:
            at += 1
            size -= 1
        starts[row], sizes[row] = at, size
