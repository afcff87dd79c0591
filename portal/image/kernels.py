"""Compiled loops over pixels. They hold no Python lock, so other pages go on while one runs."""

from __future__ import annotations

from numba import njit


@njit(nogil=True, cache=True)
def mean_of_bins(pixels, up, across, out):
    """``out[j, i]``: mean of the finite pixels of a bin of ``up`` rows and ``across`` columns, NaN without any.

    Bins at the right and upper edge hold the pixels there are. Sums are float64.
    """
    ny, nx = pixels.shape
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            total, found = 0.0, 0
            for y in range(j * up, min(ny, j * up + up)):
                for x in range(i * across, min(nx, i * across + across)):
                    value = float(pixels[y, x])
                    # Infinite and NaN differ from themselves after subtraction.
                    if value - value == 0.0:
                        total += value
                        found += 1
            out[j, i] = total / found if found else float("nan")


@njit(nogil=True, cache=True)
def union_of_bins(mask, step, out):
    """``out[j, i]``: all bits set anywhere in a bin of ``step`` x ``step``."""
    ny, nx = mask.shape
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            bits = 0
            for y in range(j * step, min(ny, j * step + step)):
                for x in range(i * step, min(nx, i * step + step)):
                    bits |= mask[y, x]
            out[j, i] = bits
