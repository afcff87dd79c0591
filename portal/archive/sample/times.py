"""Dates as the tables write them. Catalogues count in TAI, ObsCore in UTC."""

from __future__ import annotations

import numpy as np

TAI_MINUS_UTC_D = 37.0 / 86400.0  # days, since 2017


def timestamps(mjd: np.ndarray) -> list[str]:
    """ISO 8601 texts to the millisecond, in the scale of the input."""
    milli = np.round(np.asarray(mjd) * 86400e3).astype("timedelta64[ms]")
    return np.datetime_as_string(np.datetime64("1858-11-17", "ms") + milli, unit="ms").tolist()
