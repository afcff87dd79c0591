"""When the VOTable decoder hands on rows: a few at once, then larger and larger batches."""

from __future__ import annotations

import time

FIRST_ROWS = 1000  # ten pages of the table; they are on screen while the rest arrives
MOST_ROWS = 131_072  # 77 batches at 10M rows; DuckDB reads them without loss of speed
FIRST_BYTES = 1
MOST_BYTES = 4 << 20  # stays in the processor's outer cache
PATIENCE = 0.25  # seconds; a slow service still shows its rows as they come
ROW_LIMIT = 64 << 20  # bytes of one row; a light curve of 10^6 epochs has 8 MB per column


class Pace:
    """Decides whether enough bytes wait to be worth decoding, and how many rows a batch may have."""

    def __init__(self, first_rows: int = FIRST_ROWS, most_rows: int = MOST_ROWS) -> None:
        self.rows = first_rows
        self._most = most_rows
        self._wanted = FIRST_BYTES
        self._clock = time.monotonic()

    def ready(self, waiting: int) -> bool:
        """True when ``waiting`` bytes are enough, or have waited long enough."""
        if waiting >= self._wanted:
            return True
        late = self._wanted <= MOST_BYTES and time.monotonic() - self._clock > PATIENCE
        return waiting > 0 and late

    def took(self, rows: int, left: int) -> None:
        """Note that a batch of ``rows`` was made and ``left`` bytes were not a whole row."""
        self._clock = time.monotonic()
        if rows:
            self.rows = min(self._most, self.rows * 8)
            self._wanted = min(MOST_BYTES, max(self._wanted * 8, 1 << 16))
        else:
            # A long row: look again only when twice as much is there, or work grows with the square.
            self._wanted = max(self._wanted, 2 * left)
