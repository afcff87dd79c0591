"""Arrays worth keeping, within a number of bytes; built once even when many threads ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

import numpy as np

from portal.errors import CancelledError


class Kept:
    """The most recently used arrays, at most ``limit`` bytes of them; a larger one is built and not kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._building: dict[Hashable, Future] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, key: Hashable) -> np.ndarray | None:
        """The array of that key if it is here."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def make(self, key: Hashable, build: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of that key, built by the first who asks; the others wait for it.

        An error of ``build`` reaches all who wait, except that when the builder was stopped another one builds.
        """
        while True:
            with self._lock:
                found = self._arrays.get(key)
                if found is not None:
                    self._arrays.move_to_end(key)
                    return found
                waiting = self._building.get(key)
                mine = Future() if waiting is None else None
                if mine is not None:
                    self._building[key] = mine
            if mine is None:
                try:
                    return waiting.result()
                except CancelledError:
                    continue
            try:
                array = build()
                array.flags.writeable = False
            except BaseException as error:
                with self._lock:
                    del self._building[key]
                mine.set_exception(error)
                raise
            with self._lock:
                del self._building[key]
                self._keep(key, array)
            mine.set_result(array)
            return array

    def drop(self, chosen: Callable[[Hashable], bool]) -> None:
        """Forget the arrays whose key is chosen."""
        with self._lock:
            for key in [key for key in self._arrays if chosen(key)]:
                self._bytes -= self._arrays.pop(key).nbytes

    def _keep(self, key: Hashable, array: np.ndarray) -> None:
        if array.nbytes > self.limit:
            return
        self._arrays[key] = array
        self._bytes += array.nbytes
        while self._bytes > self.limit:
            _, old = self._arrays.popitem(last=False)
            self._bytes -= old.nbytes
