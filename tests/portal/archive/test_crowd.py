"""Many at once, and too much at once: long queries hold up no short one, clients that leave take their work along."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

from portal.table.votable_read import read_votable

SMALL, HEAVY = 50, 12


def test_fifty_small_queries_beside_twelve_that_never_end(service, endless: str) -> None:
    """All threads for long queries are taken: a short one that needed one of them would not be answered at all."""
    place = urlsplit(service.url).netloc
    path = f"/api/tap/sync?LANG=ADQL&QUERY={quote(endless)}"
    heavy = [socket.create_connection(place.split(":")) for _ in range(HEAVY)]
    for link in heavy:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    running = service.archive.store._cursors
    while len(running) < service.archive.limits.long_workers:
        time.sleep(0.01)

    def small(number: int) -> int:
        circle = f"CIRCLE('ICRS', {62 + 0.001 * number}, -37, 0.01)"
        query = f"SELECT objectId FROM dp1.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), {circle}) = 1"
        answer = service.sync(query)
        assert answer.status_code == 200, answer.text
        return read_votable(answer.content)[1].num_rows

    with ThreadPoolExecutor(SMALL) as pool:
        rows = list(pool.map(small, range(SMALL)))
    assert all(rows) and len(running) == service.archive.limits.long_workers
    for link in heavy:
        link.close()
    end = time.monotonic() + 30
    while running and time.monotonic() < end:
        time.sleep(0.01)
    assert not running


def test_a_megabyte_of_adql_is_refused_in_words(service) -> None:
    """By itself, as a job, and as a change of a job; no such text is kept."""
    query = "SELECT objectId FROM dp1.Object WHERE " + "objectId = 1 OR " * 100_000 + "1 = 1"
    answer = service.sync(query)
    assert answer.status_code == 400 and "characters" in answer.text and len(answer.text) < 2000
    before = service.http.get("/api/tap/async").text.count("<uws:jobref")
    made = service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": query, "PHASE": "RUN"})
    assert made.status_code == 400 and "uploaded table" in made.text
    assert service.http.get("/api/tap/async").text.count("<uws:jobref") == before
    job = service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": "SELECT 1 AS one"}).headers["location"]
    changed = service.http.post(f"{job}/parameters", data={"QUERY": query})
    assert changed.status_code == 400 and "SELECT 1 AS one" in service.http.get(f"{job}/parameters").text
    service.http.delete(job)
