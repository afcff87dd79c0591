"""Making tiles, in this process or in several others that can be killed without harm."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from portal.archive.sample.presets import Tile
from portal.archive.sample.tiles import make_tile
from portal.archive.sample.visits import make_visits
from portal.errors import TriviewError

MEMORY = 2 << 30  # bytes that a process may need for a tile
ROOT = Path(__file__).parents[3]  # where ``portal`` is imported from
Tell = Callable[[str, float], None]


class BuilderDied(TriviewError):
    """A process that made tiles ended before it was done; what it had finished is good."""


def processes_for(tiles: Sequence[Tile], parallel: bool) -> int:
    """How many processes may make tiles side by side: 1 means this one."""
    if not parallel or len(tiles) < 2:
        return 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, len(tiles), memory // MEMORY))


def made_tiles(
    seed: int, tiles: Sequence[Tile], folder: Path, processes: int, tell: Tell
) -> Iterator[tuple[Tile, dict[str, Any]]]:
    """Make the tables of all tiles in ``folder``; gives each tile when it is done, with rows, bytes and files.

    ``tell`` is called in this thread. Raises BuilderDied when a process ends early, OSError when the disk refuses.
    """
    weights = {tile: float(len(tile.cells()) * tile.visits) for tile in tiles}
    whole = sum(weights.values())
    parts = dict.fromkeys(tiles, 0.0)

    def told(tile: Tile, what: str, part: float) -> None:
        parts[tile] = max(part, parts[tile])
        tell(what, sum(weights[tile] * parts[tile] for tile in tiles) / whole)

    order = sorted(tiles, key=lambda tile: -weights[tile])  # large ones first: no process works alone for long
    run = _here if processes == 1 else _elsewhere
    for tile, made in run(seed, list(tiles) if processes == 1 else order, folder, told, processes):
        parts[tile] = 1.0
        yield tile, made


def _here(
    seed: int, tiles: list[Tile], folder: Path, told: Callable[[Tile, str, float], None], _: int
) -> Iterator[tuple[Tile, dict[str, Any]]]:
    for tile in tiles:
        yield tile, make_tile(seed, tile, make_visits(tile, seed), folder, lambda *now, tile=tile: told(tile, *now))


def _elsewhere(
    seed: int, tiles: list[Tile], folder: Path, told: Callable[[Tile, str, float], None], processes: int
) -> Iterator[tuple[Tile, dict[str, Any]]]:
    waiting: SimpleQueue[Tile | None] = SimpleQueue()
    news: SimpleQueue[tuple[Tile, dict[str, Any]]] = SimpleQueue()
    for tile in [*tiles, *[None] * processes]:
        waiting.put(tile)
    started = [_start() for _ in range(processes)]
    for process in started:
        threading.Thread(target=_drive, args=(process, seed, folder, waiting, news), daemon=True).start()
    left = len(tiles)
    try:
        while left:
            tile, message = news.get()
            if "made" in message:
                left -= 1
                yield tile, message["made"]
            elif "error" in message:
                raise OSError(message["errno"], message["error"])
            elif "died" in message:
                raise BuilderDied(
                    f"A process that was making the sample sky ended early (code {message['died']}).",
                    "It may have run out of memory. What was finished is kept: start again to go on.",
                )
            else:
                told(tile, message["what"], message["part"])
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def _drive(
    process: subprocess.Popen[bytes], seed: int, folder: Path,
    waiting: SimpleQueue[Tile | None], news: SimpleQueue[tuple[Tile, dict[str, Any]]],
) -> None:  # fmt: skip
    """Give a process one tile after the other and pass on what it says."""
    assert process.stdin is not None and process.stdout is not None
    while (tile := waiting.get()) is not None:
        with suppress(OSError):  # it has died: its silence tells
            process.stdin.write(pickle.dumps((seed, tile, folder)))
            process.stdin.flush()
        message: dict[str, Any] = {}
        while "made" not in message and "error" not in message:
            line = process.stdout.readline()
            message = json.loads(line) if line else {"died": process.wait()}
            news.put((tile, message))
            if not line:
                return


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "portal.archive.sample.builder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
    )  # fmt: skip
