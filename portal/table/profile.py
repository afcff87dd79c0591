"""What a column holds: its range, centre, spread, distribution, nulls, different and most frequent values.

Within a time budget: when reading all rows would take longer, rows evenly spread over the view are read instead, and
the profile says how many. Knows rows and columns, not how they are drawn.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import CancelledError
from portal.table.columns import Column
from portal.table.engine import Stop, run
from portal.table.histogram import Histogram, count_numbers, count_whole
from portal.table.moment import Moment
from portal.table.order import RowView
from portal.table.result import ResultTable
from portal.table.time_filter import is_time

BUDGET = 2.0  # seconds a person waits for one column; 10M numbers take 0.7 s
TRIAL_ROWS = 200_000  # read first, to see what the whole would take
FIXED = 0.01  # seconds that questions to the engine take however few the rows
EXACT_ROWS = 1_000_000  # different values are counted exactly up to here (0.1 s), estimated to 2 % above
EXACT_VALUES = 10_000  # ... and above, when there are not more than this
FREQUENT = 10
TEXT_SHOWN = 200  # characters of a value
QUANTILES = (0.01, 0.05, 0.16, 0.25, 0.5, 0.75, 0.84, 0.95, 0.99)


class Profile(NamedTuple):
    """``kind`` is "number", "whole", "time", "truth", "text" or "array"; counts are of the ``read`` rows.

    ``rows`` is the size of the view. ``minimum`` and ``maximum`` are exact texts; of arrays, their lengths, and so are
    mean and quantiles. Numbers are about finite values; ``nans`` and ``infinite`` count the others. Times are seconds
    from 1970 (as written, in whatever scale they are). ``distinct`` is None when not known, an estimate unless
    ``distinct_exact``. ``frequent`` holds (text, count) of values that come more than once.
    """

    column: str
    kind: str
    rows: int
    read: int
    nulls: int = 0
    nans: int = 0
    infinite: int = 0
    minimum: str = ""
    maximum: str = ""
    mean: float | None = None
    std: float | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    distinct: int | None = None
    distinct_exact: bool = False
    frequent: tuple[tuple[str, int], ...] = ()
    histogram: Histogram | None = None


def profile(
    result: ResultTable,
    column: str,
    where: str = "",
    *,
    bins: int = 60,
    log: bool = False,
    budget: float = BUDGET,
    exact: bool = False,
    brief: bool = False,
    stop: Stop | None = None,
) -> Profile:
    """The profile of a column over the rows that satisfy ``where`` (checked SQL).

    ``log`` makes bins of equal ratios, over positive values only. ``exact`` reads every row whatever it takes;
    ``brief`` leaves out different and most frequent values of numbers. Raises KeyError for a column that is not there,
    CancelledError when stopped.
    """
    now = result.now()
    item = now.meta.column(column)
    rows = result.rows(RowView((), where), stop, now)
    total = now.n_rows if rows is None else len(rows)
    ask = Ask(now, item, total, max(4, min(bins, 500)), log, brief, stop)
    if exact or total <= TRIAL_ROWS:
        return ask.read(ask.values(rows))
    trial = spread(rows, total, TRIAL_ROWS)
    begun = time.perf_counter()
    values = ask.values(trial)
    read = time.perf_counter()
    found = ask.read(values)
    # All rows of a stored column are there at once; a part of them, or a computed column, takes reading.
    at_once = rows is None and column in now.table.column_names
    spent = time.perf_counter() - (read if at_once else begun) - FIXED
    whole = spent * total / TRIAL_ROWS
    if whole <= budget:
        return ask.read(ask.values(rows))
    some = int(total * budget / whole)
    return ask.read(ask.values(spread(rows, total, some))) if some > 2 * TRIAL_ROWS else found


def spread(rows: np.ndarray | None, total: int, count: int) -> np.ndarray:
    """``count`` rows of a view, ascending: one by chance in each of as many equal parts, so that none is favoured."""
    step = total / count
    chosen = np.arange(count) * step + np.random.default_rng(7).random(count) * step
    chosen = np.minimum(chosen.astype(np.int64), total - 1)
    return chosen if rows is None else rows[chosen]


class Ask(NamedTuple):
    """One question: a column of a moment, and how its histogram is wanted."""

    now: Moment
    column: Column
    total: int
    bins: int
    log: bool
    brief: bool
    stop: Stop | None

    def values(self, rows: np.ndarray | None) -> pa.ChunkedArray:
        """The column in some rows, in all of them for None."""
        name = self.column.name
        return self.now.column(name, self.stop) if rows is None else self.now.cells([name], rows)[name]

    def read(self, values: pa.ChunkedArray) -> Profile:
        """The profile of these values."""
        self.check()
        found = Profile(self.column.name, "text", self.total, len(values), nulls=values.null_count)
        if self.column.is_array:
            return self._array(found, values)
        if pa.types.is_boolean(values.type):
            return self._values(found._replace(kind="truth"), values)
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            return self._number(found, values)
        return self._text(found, values)

    def check(self) -> None:
        if self.stop is not None and self.stop.is_set:
            raise CancelledError("Stopped.")

    def _number(self, found: Profile, values: pa.ChunkedArray) -> Profile:
        whole = pa.types.is_integer(values.type)
        numbers = values.drop_null().to_numpy() if values.null_count else values.to_numpy()
        if not whole:
            nans = int(np.isnan(numbers).sum())
            good = numbers if not nans and np.isfinite(numbers).all() else numbers[np.isfinite(numbers)]
            found = found._replace(nans=nans, infinite=len(numbers) - nans - len(good))
            numbers = good
        found = self._spread_of(found._replace(kind="whole" if whole else "number"), numbers)
        return found if self.brief else self._values(found, values)

    def _spread_of(self, found: Profile, numbers: np.ndarray) -> Profile:
        """Range, centre, spread and distribution of finite numbers."""
        if not len(numbers):
            return found
        self.check()
        low, high = numbers.min(), numbers.max()
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(numbers.mean(dtype=np.float64))
            std = float(numbers.std(dtype=np.float64, ddof=1)) if len(numbers) > 1 else None
        self.check()
        with np.errstate(over="ignore", invalid="ignore"):
            # Between whole numbers numpy takes their difference, which must fit 64 bits.
            wide = found.kind == "whole" and int(high) - int(low) >= 1 << 63
            cuts = np.quantile(numbers.astype(float) if wide else numbers, (0.001, *QUANTILES, 0.999))
        self.check()
        if found.kind == "whole" and not self.log:
            histogram = count_whole(numbers, int(low), int(high), self.bins)
        else:
            histogram = count_numbers(numbers, (cuts[0], cuts[-1]), self.bins, self.log)
        return found._replace(
            minimum=_exact(low),
            maximum=_exact(high),
            mean=_finite(mean),
            std=_finite(std),
            quantiles=tuple(zip(QUANTILES, cuts[1:-1].astype(float).tolist())),
            histogram=histogram,
        )

    def _array(self, found: Profile, values: pa.ChunkedArray) -> Profile:
        kind = values.type
        lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        lengths = pc.list_value_length(values) if lists else pc.utf8_length(values)
        return self._spread_of(found._replace(kind="whole"), lengths.drop_null().to_numpy())._replace(kind="array")

    def _text(self, found: Profile, values: pa.ChunkedArray) -> Profile:
        found = self._values(found, values)
        if is_time(self.column):
            seconds = run(
                "SELECT epoch(TRY_CAST(replace(v, 'T', ' ') AS TIMESTAMP)) AS v FROM t",
                pa.table({"v": values}),
                self.stop,
            )[0].drop_null()
            if len(seconds):
                keep = found.minimum, found.maximum
                found = self._spread_of(found._replace(kind="time"), seconds.to_numpy())
                return found._replace(minimum=keep[0], maximum=keep[1], std=None)
        return found

    def _values(self, found: Profile, values: pa.ChunkedArray) -> Profile:
        """How many different values, and which come most often; text also by its first and last."""
        table = pa.table({"v": values})
        few = len(values) <= EXACT_ROWS
        text = pa.types.is_string(values.type)
        if text and (not few or self.brief):
            ends = run("SELECT min(v), max(v), approx_count_distinct(v) FROM t", table, self.stop)
            first, last, estimate = (column[0].as_py() for column in ends.columns)
            found = found._replace(minimum=_short(first), maximum=_short(last))
        elif not few:
            estimate = run("SELECT approx_count_distinct(v) FROM t", table, self.stop)[0][0].as_py()
        else:
            estimate = 0
        if estimate > EXACT_VALUES:
            return found._replace(distinct=min(estimate, found.read - found.nulls))
        good = "v IS NOT NULL AND NOT isnan(v)" if pa.types.is_floating(values.type) else "v IS NOT NULL"
        sql = (
            f"WITH g AS MATERIALIZED (SELECT v, count(*) AS n FROM t WHERE {good} GROUP BY v) "
            "SELECT v, n, (SELECT count(*) FROM g), (SELECT min(v) FROM g), (SELECT max(v) FROM g) FROM g "
            f"ORDER BY n DESC, v LIMIT {FREQUENT}"
        )
        most = run(sql, table, self.stop)
        if not most.num_rows:
            return found._replace(distinct=0, distinct_exact=found.read == found.rows)
        if text:
            found = found._replace(minimum=_short(most[3][0].as_py()), maximum=_short(most[4][0].as_py()))
        pairs = zip(pc.cast(most[0], pa.string()).to_pylist(), most[1].to_pylist())
        return found._replace(
            distinct=most[2][0].as_py(),
            distinct_exact=found.read == found.rows,
            frequent=tuple((_short(value), count) for value, count in pairs if count > 1),
        )


def _exact(value: np.generic) -> str:
    """All digits of a whole number; of a floating one the fewest that are still it."""
    return str(int(value)) if isinstance(value, np.integer) else str(value).removesuffix(".0")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _short(text: str | None) -> str:
    return "" if text is None else text[:TEXT_SHOWN]
