"""Spiral arms of large discs: where the bright knots of two logarithmic arms lie, and their shares of the light.

Knows discs seen face on, in units of their half-light radius; how they are tilted and drawn is ``draw``'s affair.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from portal.archive.sample.streams import stream

PATTERNS = 64  # different discs; tilt, turn and size make many more of them
KNOTS = 52
ARMS = 2
INNER, OUTER = 0.45, 2.7  # half-light radii
# Share of a disc's light in its arms, u to y: young stars are blue.
ARM_SHARE = np.array([0.46, 0.40, 0.33, 0.28, 0.25, 0.24])


@lru_cache
def arm_patterns() -> np.ndarray:
    """Knots of every pattern, shape (64, 52, 4): x, y and sigma in half-light radii, and weights that sum to 1."""
    rng = stream(0, "spiral arms")
    number = np.arange(KNOTS)
    one, two, three, four = rng.random((4, PATTERNS, KNOTS))
    # Of the whole disc: how open, how it is turned and which way it winds.
    slope = 1.0 / np.tan(np.radians(rng.uniform(14.0, 30.0, (PATTERNS, 1))))
    turn = rng.uniform(0.0, 2.0 * np.pi, (PATTERNS, 1))
    sense = rng.choice([-1.0, 1.0], (PATTERNS, 1))
    r = INNER * (OUTER / INNER) ** ((number // ARMS + one) / (KNOTS // ARMS))
    angle = turn + slope * np.log(r / INNER) + 2.0 * np.pi * (number % ARMS) / ARMS + 0.5 * (two - 0.5)
    r = r * (1.0 + 0.14 * (three - 0.5))
    # Equal steps in log r: the light of a step goes as r2 times the disc's brightness there.
    weight = r**2 * np.exp(-1.67834699 * r) * (0.35 + 1.3 * four**2)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.stack([r * np.cos(angle), sense * r * np.sin(angle), 0.10 + 0.07 * r * (0.5 + two), weight], axis=2)
