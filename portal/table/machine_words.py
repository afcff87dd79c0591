"""Unaligned 8-byte loads and byte searches for compiled loops; the caller has checked the bounds.

Words are little-endian inside (x86, ARM): the first byte of memory is the lowest.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)


def _pointer(context, builder, signature, args, bits):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(bits).as_pointer())


def _loader(bits: int, swapped: bool, result: types.Type):
    def load(typingctx, buffer, at):
        def codegen(context, builder, signature, args):
            word = builder.load(_pointer(context, builder, signature, args, bits), align=1)
            return builder.bswap(word) if swapped else word

        return result(buffer, types.intp), codegen

    return intrinsic(load)


word64 = _loader(64, False, types.uint64)
big64 = _loader(64, True, types.uint64)
big32 = _loader(32, True, types.uint32)
big16 = _loader(16, True, types.uint16)


@intrinsic
def put64(typingctx, buffer, at, word):
    """Store 8 bytes at any place."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, signature, args, 64), align=1)
        return context.get_dummy_value()

    return types.void(buffer, types.intp, types.uint64), codegen


@intrinsic
def swap64(typingctx, word):
    """The bytes of a word the other way round."""

    def codegen(context, builder, signature, args):
        return builder.bswap(args[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def _zeros_below(typingctx, word):
    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@njit(nogil=True, cache=True, inline="always")
def zero_bytes(word):
    """A word whose highest bits mark bytes that are zero; the lowest mark is always right."""
    return (word - ONES) & ~word & HIGHS


@njit(nogil=True, cache=True, inline="always")
def first_mark(marks):
    """Which byte (0 to 7) carries the lowest mark; ``marks`` is not 0."""
    return _zeros_below(marks) >> 3
