"""Spiral arms of large discs: where the bright knots of two logarithmic arms lie, and their shares of the light.

Knows one disc seen face on, in units of its half-light radius; how it is tilted and drawn is ``draw``'s affair.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from portal.archive.sample.streams import mix, unit

SMALLEST = 0.8  # arcsec: arms of smaller discs drown in the seeing
KNOTS = 52
ARMS = 2
INNER, OUTER = 0.45, 2.7  # half-light radii
# Share of a disc's light in its arms, u to y: young stars are blue.
ARM_SHARE = np.array([0.46, 0.40, 0.33, 0.28, 0.25, 0.24])


@nb.njit(cache=True, nogil=True)
def has_arms(r_e, bulge, q, blue):
    """Large, disc-like, not edge-on and blue enough (``blue`` is the ratio of g to i flux) to form stars."""
    return r_e > SMALLEST and bulge < 0.5 and q > 0.3 and blue > 0.33


@nb.njit(cache=True, nogil=True)
def disc_key(r_e, pa):
    """A number that tells discs apart."""
    return mix(np.uint64(int(r_e * 1e6)) * np.uint64(1000003) + np.uint64(int(pa * 1e4)))


@nb.njit(cache=True, nogil=True)
def knot(key, number):
    """Knot ``number`` of a disc: (x, y, sigma) in half-light radii and its weight, which is not normalised."""
    seed = mix(key + np.uint64(number + 1))
    one, two = unit(mix(seed + np.uint64(1))), unit(mix(seed + np.uint64(2)))
    three, four = unit(mix(seed + np.uint64(3))), unit(mix(seed + np.uint64(4)))
    # Of the whole disc: how open, how it is turned and which way it winds.
    open_ = math.radians(14.0 + 16.0 * unit(mix(key + np.uint64(1001))))
    turn = 2.0 * math.pi * unit(mix(key + np.uint64(1002)))
    sense = 1.0 if unit(mix(key + np.uint64(1003))) > 0.5 else -1.0
    along = (number // ARMS + one) / (KNOTS // ARMS)
    r = INNER * (OUTER / INNER) ** along
    angle = turn + math.log(r / INNER) / math.tan(open_) + 2.0 * math.pi * (number % ARMS) / ARMS
    angle += (two - 0.5) * 0.5
    r *= 1.0 + 0.14 * (three - 0.5)
    # Equal steps in log r: the light of a step goes as r2 times the disc's brightness there.
    weight = r * r * math.exp(-1.67834699 * r) * (0.35 + 1.3 * four * four)
    return r * math.cos(angle), sense * r * math.sin(angle), 0.10 + 0.07 * r * (0.5 + two), weight
