"""What runs in a process that makes tiles: ``python -m portal.archive.sample.builder`` takes them from its input.

Each message in is a pickled (seed, tile, folder of the tables); each line out is JSON: what is being made and the
part done, then the files made, or the error. A process whose input ends in the middle of a tile is alone: it stops.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
from queue import SimpleQueue
from typing import Any, BinaryIO

from portal.archive.sample.tiles import make_tile
from portal.archive.sample.visits import make_visits

ENOUGH = 0.005  # of a tile: smaller steps are not told


def _listen(source: BinaryIO, jobs: SimpleQueue[Any], busy: threading.Event) -> None:
    while True:
        try:
            jobs.put(pickle.load(source))
        except EOFError:
            if busy.is_set() or not jobs.empty():
                os._exit(1)
            jobs.put(None)
            return


def main() -> None:
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may come between the lines
    jobs: SimpleQueue[Any] = SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs, busy), daemon=True).start()
    last, parent = [0.0], os.getppid()

    def tell(what: str, part: float) -> None:
        if os.getppid() != parent:
            os._exit(1)
        if part == 0 or part >= last[0] + ENOUGH:
            last[0] = part
            told.write(json.dumps({"what": what, "part": round(part, 4)}) + "\n")

    visits: dict[Any, Any] = {}
    while (job := jobs.get()) is not None:
        seed, tile, folder = job
        busy.set()
        try:
            if (seed, tile.number) not in visits:
                visits[seed, tile.number] = make_visits(tile, seed)
            told.write(json.dumps({"made": make_tile(seed, tile, visits[seed, tile.number], folder, tell)}) + "\n")
        except OSError as error:
            told.write(json.dumps({"errno": error.errno, "error": str(error)}) + "\n")
        busy.clear()


if __name__ == "__main__":
    main()
