"""One plane of pixels, made when first asked for."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from portal.errors import FormatError, LimitError, TriviewError

LARGE = 4 << 20  # bytes from which pixels lie in a file: many large images together outgrow memory


class Plane:
    """Pixels (ny, nx) that ``make`` gives; ``rows(step)`` gives every ``step``-th row sooner, where that is possible.

    Any thread may ask; the first one makes, the others wait for it. What goes wrong is raised again each time.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        make: Callable[[], np.ndarray],
        rows: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        self.shape = shape
        self._make, self._rows = make, rows
        self._pixels: np.ndarray | None = None
        self._few: tuple[int, np.ndarray] | None = None
        self._lock, self._few_lock = threading.Lock(), threading.Lock()  # a first picture waits for no other

    @classmethod
    def of(cls, pixels: np.ndarray) -> Plane:
        made = cls(pixels.shape, lambda: pixels)
        made._pixels = pixels
        return made

    @property
    def ready(self) -> bool:
        return self._pixels is not None

    @property
    def has_rows(self) -> bool:
        return self._rows is not None

    @property
    def nbytes(self) -> int:
        """Of pixels of four bytes when they are not made yet."""
        return self.shape[0] * self.shape[1] * (4 if self._pixels is None else self._pixels.itemsize)

    def pixels(self) -> np.ndarray:
        """All of them, in the file's own type."""
        with self._lock:
            if self._pixels is None:
                self._pixels = _made(self._make)
            return self._pixels

    def forget(self) -> None:
        """Lets go of the pixels; they are made again when asked for."""
        with self._lock:
            self._pixels = None

    def rows(self, step: int) -> np.ndarray:
        """Rows ``step // 2``, ``step // 2 + step``, ...; of the last bin its middle or the last row there is."""
        with self._few_lock:
            if self._few is None or self._few[0] != step:
                self._few = step, _made(lambda: self._rows(step))
            return self._few[1]


def _made(make: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        return make()
    except (TriviewError, MemoryError):
        raise
    # A damaged file shows itself in many ways once its pixels are read.
    except Exception as error:
        raise FormatError(
            f"The pixels of the image cannot be read ({type(error).__name__}: {error}).",
            "The file may be damaged; fetch it again.",
        ) from error


def row_numbers(ny: int, step: int) -> np.ndarray:
    """The rows that ``Plane.rows`` gives."""
    return np.minimum(np.arange(0, ny, step) + step // 2, ny - 1)


def room(shape: tuple[int, ...], kind: np.dtype, scratch: Path) -> np.ndarray:
    """An array to be filled: in memory when small, else in a file in ``scratch`` that is gone with the array.

    Raises LimitError when the disk has no room for it.
    """
    kind = np.dtype(kind)
    size = int(np.prod(shape)) * kind.itemsize
    if size < LARGE:
        return np.zeros(shape, kind)
    with tempfile.TemporaryFile(dir=scratch) as file:
        try:
            if hasattr(os, "posix_fallocate"):
                # Not a sparse file: on a full disk the first write into one would end the whole process.
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        except OSError as error:
            raise LimitError(
                f"The server's disk has no room for the {size / 2**20:,.0f} MiB of pixels ({error.strerror}).",
                "Close other images, or ask for a cutout.",
            ) from error
        return np.memmap(file, kind, "r+", shape=shape)
