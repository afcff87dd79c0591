"""Compiled loops that take VOTable rows apart. They index unchecked, so each compares with the end first.

All integers are int64; a negative or huge count never moves the position. Kernels release the interpreter lock.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from portal.table.machine_words import HIGHS, ONES, big16, big32, big64, first_mark, put64, word64, zero_bytes

# How a cell lies in a row: widths 1, 2, 4, 8 stand for themselves.
RUN = 0  # a fixed number of bytes
COUNTED = 9  # an int32 count, then that many elements of the width
BITS = 10  # an int32 count, then that many bits

AMPERSANDS = np.uint64(0x2626262626262626)
OPENINGS = np.uint64(0x3C3C3C3C3C3C3C3C)
MORE, DONE, TOO_LONG, BAD_COUNT = 0, 1, 2, 3


BLOCK = 512  # rows whose bytes (some 100 kB) stay near the processor while their columns are read one by one


@njit(nogil=True, cache=True)
def _walk_block(buf, pos, end, first, rows, flags, kinds, widths, slots, starts, sizes, steps, limit):
    """Find the rows of one block; ``steps`` (pieces between counted cells, rows) gets where each piece begins."""
    columns = len(kinds)
    for row in range(rows):
        at = pos + flags
        piece, c = 0, 0
        while True:
            # Cells of fixed size up to the next counted one, checked in one go.
            size = np.int64(0)
            while c < columns and kinds[c] <= 8:
                size += widths[c]
                c += 1
            if at + size > end:
                return row, pos, MORE
            steps[piece, row] = at
            at += size
            if c == columns:
                break
            if at + 4 > end:
                return row, pos, MORE
            count = np.int64(np.int32(big32(buf, at)))
            at += 4
            if count < 0:
                return row, pos, BAD_COUNT
            if count > limit:
                return row, pos, TOO_LONG
            size = (count + 7) >> 3 if kinds[c] == 10 else count * widths[c]
            if size > limit:
                return row, pos, TOO_LONG
            if at + size > end:
                return row, pos, MORE
            starts[slots[c], first + row] = at
            sizes[slots[c], first + row] = size
            at += size
            piece += 1
            c += 1
        pos = at
    return rows, pos, DONE


@njit(nogil=True, cache=True)
def walk_binary(buf, pos, end, rows, flags, kinds, widths, slots, w8, w4, w2, w1, starts, sizes, valid, limit):
    """Take up to ``rows`` whole rows from ``buf[pos:end]``; returns (rows taken, position, status).

    ``flags`` bytes of null marks lead each row (0 in BINARY). Column c of kind ``kinds[c]`` goes to line
    ``slots[c]`` of the array of its width, big-endian made native; runs leave their start and size in bytes.
    ``valid`` (columns, bytes of bits, all ones) loses the bits of null cells. A cell over ``limit`` bytes ends
    the walk with TOO_LONG, a negative count with BAD_COUNT.
    """
    columns = len(kinds)
    counted = 0
    for c in range(columns):
        counted += kinds[c] > 8
    steps = np.empty((counted + 1, BLOCK), np.int64)
    first = 0
    while first < rows:
        wanted = min(BLOCK, rows - first)
        taken, pos_after, status = _walk_block(
            buf, pos, end, first, wanted, flags, kinds, widths, slots, starts, sizes, steps, limit
        )
        for k in range(flags):
            # The marks of a row lie before its first piece.
            for row in range(taken):
                marks = buf[steps[0, row] - flags + k]
                if marks:
                    at = first + row
                    for bit in range(8):
                        c = k * 8 + bit
                        if c < columns and (marks >> (7 - bit)) & 1:
                            valid[c, at >> 3] &= np.uint8(255 ^ (1 << (at & 7)))
        piece, ahead = 0, np.int64(0)
        for c in range(columns):
            kind, slot = kinds[c], slots[c]
            if kind == 8:
                for row in range(taken):
                    w8[slot, first + row] = big64(buf, steps[piece, row] + ahead)
            elif kind == 4:
                for row in range(taken):
                    w4[slot, first + row] = big32(buf, steps[piece, row] + ahead)
            elif kind == 2:
                for row in range(taken):
                    w2[slot, first + row] = big16(buf, steps[piece, row] + ahead)
            elif kind == 1:
                for row in range(taken):
                    w1[slot, first + row] = buf[steps[piece, row] + ahead]
            elif kind == 0:
                for row in range(taken):
                    starts[slot, first + row] = steps[piece, row] + ahead
                    sizes[slot, first + row] = widths[c]
            else:
                piece, ahead = piece + 1, np.int64(0)
                continue
            ahead += widths[c]
        first += taken
        pos = pos_after
        if status != DONE:
            return first, pos, status
    return rows, pos, DONE


@njit(nogil=True, cache=True)
def gather(buf, starts, sizes, offsets, out):
    """Copy runs one behind the other into ``out``; ``offsets`` (n + 1, filled before) say where each goes.

    ``out`` has 8 bytes more than the runs: whole words are written, the next run covers what is over.
    Returns (whether a byte above 127 was met, whether a zero byte was met, whether an ampersand was met).
    """
    union, zero, ampersand, safe = np.uint64(0), np.uint64(0), np.uint64(0), len(buf) - 8
    for row in range(len(starts)):
        at, to, size = starts[row], np.int64(offsets[row]), sizes[row]
        while size > 0:
            if at <= safe:
                word = word64(buf, at)
            else:
                word = np.uint64(0)
                for k in range(min(size, 8)):
                    word |= np.uint64(buf[at + k]) << np.uint64(8 * k)
            put64(out, to, word)
            if size < 8:
                # Bytes behind the run count as ones, which are neither zero, nor &, nor above 127.
                mask = (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
                word = (word & mask) | (ONES & ~mask)
            union |= word
            zero |= zero_bytes(word)
            ampersand |= zero_bytes(word ^ AMPERSANDS)
            at += 8
            to += 8
            size -= 8
    return union & HIGHS != 0, zero != 0, ampersand != 0


ROWS_END, UNUSUAL, TOO_MANY, TOO_FEW = 4, 5, 6, 7


@njit(nogil=True, cache=True, inline="always")
def _blank(byte):
    return byte == 32 or byte == 10 or byte == 13 or byte == 9


@njit(nogil=True, cache=True)
def walk_cells(buf, pos, end, rows, columns, starts, sizes):
    """Find the cells of up to ``rows`` rows of TABLEDATA; returns (rows taken, position, status).

    Knows plain ``<TR><TD>text</TD><TD/></TR>``; stops with UNUSUAL before a row it does not know (attributes,
    comments, CDATA, prefixes), with ROWS_END at any ``</`` between rows.
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
        while at < end and _blank(buf[at]):
            at += 1
        if at >= end:
            return row, pos, MORE
        if buf[at] != 62:
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
            while at < end and _blank(buf[at]):
                at += 1
            closed = at < end and buf[at] == 47
            at += closed
            if at >= end:
                return row, pos, MORE
            if buf[at] != 62:
                return row, pos, UNUSUAL
            at += 1
            starts[column, row] = at
            sizes[column, row] = 0
            if not closed:
                begin = at
                while at + 8 <= end:
                    marks = zero_bytes(word64(buf, at) ^ OPENINGS)
                    if marks:
                        at += first_mark(marks)
                        break
                    at += 8
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
