"""Random numbers that depend only on what they are for: (seed, name, cell) or (seed, name, id).

``stream`` seeds a Philox generator for one named purpose in one sky cell. ``normal`` and ``uniform`` hash
ids, so that a row's noise is the same whichever rows are made beside it.
"""

from __future__ import annotations

import hashlib

import numba as nb
import numpy as np

_ODD = np.uint64(0x9E3779B97F4A7C15)


def stream(seed: int, name: str, cell: int = 0) -> np.random.Generator:
    """A generator keyed by blake2b over seed, purpose and HEALPix cell."""
    digest = hashlib.blake2b(f"{seed}/{name}/{cell}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def hash_key(seed: int, name: str) -> np.uint64:
    """The 64-bit key under which ids are hashed for one purpose."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@nb.njit(inline="always", cache=True)
def mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@nb.njit(inline="always", cache=True)
def unit(value: np.uint64) -> float:
    """64 bits to a number strictly between 0 and 1."""
    return (np.float64(value >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@nb.njit(cache=True)
def _uniform(key: np.uint64, ids: np.ndarray, out: np.ndarray) -> None:
    for k in range(ids.size):
        out[k] = unit(mix(mix(np.uint64(ids[k]) + _ODD) ^ key))


@nb.njit(cache=True)
def _normal(key: np.uint64, ids: np.ndarray, out: np.ndarray) -> None:
    for k in range(ids.size):
        first = mix(mix(np.uint64(ids[k]) + _ODD) ^ key)
        radius = np.sqrt(-2.0 * np.log(unit(first)))
        out[k] = radius * np.cos(2.0 * np.pi * unit(mix(first + _ODD)))


def uniform(seed: int, name: str, ids: np.ndarray) -> np.ndarray:
    """One uniform number in (0, 1) per id, float64."""
    out = np.empty(len(ids))
    _uniform(hash_key(seed, name), np.ascontiguousarray(ids, dtype=np.int64), out)
    return out


def normal(seed: int, name: str, ids: np.ndarray) -> np.ndarray:
    """One standard normal number per id, float64."""
    out = np.empty(len(ids))
    _normal(hash_key(seed, name), np.ascontiguousarray(ids, dtype=np.int64), out)
    return out
