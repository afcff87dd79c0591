"""Threads that give way: heavy work runs at a lower priority than the loop that answers every page.

On a machine whose cores are all busy the system then lets the loop in first; with idle cores nothing changes.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

log = logging.getLogger(__name__)
NICE = 10  # a tenth of the loop's share when both want a core; anyone may lower a priority, so no rights are needed

Result = TypeVar("Result")


def give_way(nice: int = NICE) -> None:
    """Lower the priority of the calling thread, and of the threads it starts. Does nothing where threads have none."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    except (AttributeError, OSError) as error:
        # Linux gives each thread a priority; elsewhere the work is done as before.
        log.debug("the priority of a thread cannot be lowered: %s", error)


def worker_pool(threads: int, name: str, nice: int = NICE) -> ThreadPoolExecutor:
    """A thread pool for heavy work; the larger ``nice`` (0 to 19), the more it gives way."""
    return ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=give_way, initargs=(nice,))


def run_aside(work: Callable[[], Result]) -> Result:
    """``work()`` in a thread that gives way, waited for: engines start threads of their own, which inherit it."""
    with worker_pool(1, "aside") as pool:
        return pool.submit(work).result()
