"""Fifty small queries at once beside twelve heavy ones: how long each small one takes, and whether any fails."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

SMALL = 50
WAVES = 3
PAUSE = 1.0  # seconds between waves, and before the first one for the heavy queries to be under way
PLACES = [(61 + 0.02 * number, -37.2 + 0.008 * number) for number in range(SMALL)]
STREAM = "SELECT TOP 1000000 objectId, coord_ra, coord_dec, g_psfFlux, r_psfFlux, i_psfFlux, z_psfFlux FROM dp1.Object"
TALLY = (
    "SELECT FLOOR(LOG10(r_psfFlux) * {0}) AS r_bin, COUNT(*) AS n, AVG(g_psfFlux) AS g FROM dp1.Object GROUP BY r_bin"
)
GROUPS = "SELECT objectId, COUNT(*) AS n, STDDEV(psfFlux) AS s FROM dp1.ForcedSource GROUP BY objectId"
HEAVY = 4  # of each of the three kinds: streams, tallies, and asynchronous jobs that group all forced sources


def ask(url: str, query: str, path: str = "/api/tap/sync", **more: str) -> tuple[int, float, str]:
    """(status, seconds to the last byte, Location) of one request on a connection of its own."""
    started = time.perf_counter()
    link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    try:
        body = urlencode({"LANG": "ADQL", "QUERY": query, **more})
        link.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = link.getresponse()
        while answer.read(1 << 20):
            pass
        return answer.status, time.perf_counter() - started, answer.getheader("Location", "")
    finally:
        link.close()


def small(place: tuple[float, float]) -> str:
    """A cone of half an arc minute."""
    circle = f"CIRCLE('ICRS', {place[0]!r}, {place[1]!r}, 0.008)"
    inside = f"CONTAINS(POINT('ICRS', coord_ra, coord_dec), {circle}) = 1"
    return f"SELECT objectId, coord_ra, coord_dec, g_psfFlux, r_psfFlux FROM dp1.Object WHERE {inside}"


class Load:
    """Twelve heavy queries that are asked again and again until ``end``. ``failed`` counts answers that are errors."""

    def __init__(self, url: str) -> None:
        self.done = self.failed = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        queries = [STREAM] * HEAVY + [TALLY.format(10 + number) for number in range(HEAVY)]
        self._threads = [threading.Thread(target=self._repeat, args=(url, query)) for query in queries]
        self._threads += [threading.Thread(target=self._job, args=(url,)) for _ in range(HEAVY)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _count(self, good: bool) -> None:
        with self._lock:
            self.done += good
            self.failed += not good

    def _repeat(self, url: str, query: str) -> None:
        while not self._ended.is_set():
            self._count(ask(url, query)[0] == 200)

    def _job(self, url: str) -> None:
        """Jobs, the last one of which is deleted when nobody needs it any more."""
        place = urlsplit(url).netloc
        while not self._ended.is_set():
            path = urlsplit(ask(url, GROUPS, "/api/tap/async", PHASE="RUN")[2]).path
            phase = "QUEUED"
            while phase in ("QUEUED", "EXECUTING") and not self._ended.is_set():
                phase = _text(place, f"{path}/phase")
                time.sleep(0.2)
            if phase not in ("QUEUED", "EXECUTING"):
                self._count(phase == "COMPLETED")
            _text(place, path, "DELETE")


def _text(place: str, path: str, method: str = "GET") -> str:
    link = http.client.HTTPConnection(place, timeout=300)
    try:
        link.request(method, path)
        return link.getresponse().read().decode()
    finally:
        link.close()


def waves(url: str, heavy: bool) -> tuple[list[float], int, str]:
    """(seconds of each small query, how many failed, what the heavy ones did)."""
    load = Load(url) if heavy else None
    times: list[float] = []
    failed = 0
    with ThreadPoolExecutor(SMALL) as pool:
        list(pool.map(lambda place: ask(url, small(place)), PLACES))  # warms up
        for _ in range(WAVES):
            time.sleep(PAUSE)
            for status, seconds, _ in pool.map(lambda place: ask(url, small(place)), PLACES):
                times.append(seconds)
                failed += status != 200
    if load is None:
        return times, failed, ""
    load.end()
    return times, failed + load.failed, f", {load.done} heavy ones ended meanwhile"


def run(url: str) -> Iterator[tuple[str, str]]:
    """Small queries alone, then beside the heavy ones."""
    for what, heavy in (("alone", False), (f"beside {3 * HEAVY} heavy ones", True)):
        times, failed, told = waves(url, heavy)
        times.sort()
        p95 = times[int(0.95 * (len(times) - 1))]
        yield (
            f"{SMALL} small queries at once {what}, each",
            f"median {statistics.median(times) * 1e3:,.0f}, p95 {p95 * 1e3:,.0f}, max {times[-1] * 1e3:,.0f} ms;"
            f" {failed} failed{told}",
        )
