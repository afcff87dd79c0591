"""Black and white levels of an image, and its histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from portal.errors import FormatError

PERCENTS = (90.0, 95.0, 98.0, 99.0, 99.5, 99.9)
KINDS = ("zscale", "minmax", "sigma", *(f"{percent:g}" for percent in PERCENTS))
"""zscale (IRAF's), minmax (all data), sigma (median -1 to +5 clipped standard deviations), and percent: the middle
part of the values, such as "99.5"."""
SAMPLE = 1 << 18  # values: they tell percentages to 0.1 %, and cost 10 ms
BINS = 256
FARTHEST = 8e307  # the difference of two such numbers is still one


def sample(pixels: np.ndarray, most: int = SAMPLE) -> np.ndarray:
    """Finite values (float64) of about ``most`` pixels, spread evenly."""
    step = max(1, round(np.sqrt(pixels.size / most)))
    # Few rows (some of a compressed image) are thinned along rows only.
    across = step if pixels.shape[0] > 4 * step else max(1, pixels.size // most)
    part = np.asarray(pixels[:: step if across == step else 1, ::across], np.float64).ravel()
    return part[np.isfinite(part)]


@np.errstate(over="ignore", invalid="ignore")
def cuts(values: np.ndarray, kind: str, extent: tuple[float, float] | None = None) -> tuple[float, float]:
    """(black, white) by one of ``KINDS``, or of any percentage; white is always above black.

    ``extent``: least and largest value of all, when ``values`` are a sample. Raises FormatError for another kind.
    """
    if kind not in KINDS and not _percent(kind):
        raise FormatError(
            f"There are no cuts called {kind[:40]!r}.", f"Use one of {', '.join(KINDS)}, or a percentage."
        )
    if not values.size:
        return 0.0, 1.0
    if kind == "zscale":
        low, high = _zscale(values)
    elif kind == "minmax":
        low, high = extent or (values.min(), values.max())
    elif kind == "sigma":
        from astropy.stats import sigma_clipped_stats

        _, middle, spread = sigma_clipped_stats(values[:: max(1, values.size // 100_000)], sigma=3, maxiters=5)
        low, high = middle - spread, middle + 5 * spread
    else:
        aside = (100 - _percent(kind)) / 2
        low, high = np.percentile(values, [aside, 100 - aside])
    # Fills such as 1.8e308 overflow in means and between percentiles.
    low, high = (min(max(float(one), -FARTHEST), FARTHEST) for one in (low, high))
    if not math.isfinite(low):
        low = float(np.median(np.clip(values, -FARTHEST, FARTHEST)))
    if not high > low:
        low, high = low, low + (abs(low) * 1e-6 or 1.0)
    return low, high


def histogram(values: np.ndarray, low: float, high: float, bins: int = BINS) -> dict[str, Any]:
    """Counts of the values in equal bins from ``low`` to ``high``, and how many lie below and above."""
    low, high = max(low, -FARTHEST), min(high, FARTHEST)
    counts, _ = np.histogram(values, bins, (low, high))
    below, above = int((values < low).sum()), int((values > high).sum())
    return {"low": low, "high": high, "counts": counts.tolist(), "below": below, "above": above, "of": values.size}


def _zscale(values: np.ndarray) -> tuple[float, float]:
    from astropy.visualization import ZScaleInterval  # loads a plotting library where there is one

    try:
        low, high = ZScaleInterval().get_limits(values)
    except (ValueError, IndexError):
        low = high = 0.0
    if not high > low:
        low, high = np.percentile(values, [1, 99.5])
    return low, high


def _percent(kind: str) -> float:
    """The percentage that a kind names, 0 for none."""
    try:
        value = float(kind)
    except ValueError:
        return 0.0
    return value if 0 < value <= 100 else 0.0
