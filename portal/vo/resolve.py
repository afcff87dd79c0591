"""Names of objects to positions: the CDS name resolver Sesame, asked by the server and never by a browser."""

from __future__ import annotations

import math
import re
import threading
from typing import NamedTuple
from urllib.parse import quote

from ..errors import QueryError, ServiceError, TriviewError
from .http import Web

LONGEST_NAME = 100
KEPT = 1000
SECONDS = 15.0
PLACE = re.compile(r"^%J\s+([-+]?\d+(?:\.\d*)?)\s+([-+]?\d+(?:\.\d*)?)", re.M)
NAME = re.compile(r"^%I\.0\s+(.+)$", re.M)


class Place(NamedTuple):
    """Where a named object is (ICRS degrees) and what the resolver calls it."""

    ra: float
    dec: float
    name: str


class Resolver:
    """Sesame, or whatever answers as it does at ``url``. Blocking: call in a worker thread."""

    def __init__(self, web: Web, url: str) -> None:
        self.web, self.url = web, url.rstrip("/")
        self._known: dict[str, Place] = {}
        self._lock = threading.Lock()

    def find(self, name: str) -> Place:
        """The place of the object called ``name``.

        Raises QueryError when there is none of that name, ServiceError when the resolver cannot be asked.
        """
        name = " ".join(name.split())
        key = name.casefold()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise QueryError("That is no name of an object.", f"A name has at most {LONGEST_NAME} characters.")
        with self._lock:
            if key in self._known:
                return self._known[key]
        if not self.url:
            raise ServiceError(
                f"{name!r} is no position, and no name resolver is set.",
                "Write coordinates such as 62.0 -37.0, or set TRIVIEW_RESOLVER_URL.",
            )
        try:
            answer = self.web.get(f"{self.url}/-oI/A?{quote(name)}", SECONDS)
        except TriviewError as error:
            raise ServiceError(
                f"The name {name!r} could not be looked up: the name resolver cannot be reached.",
                "Write coordinates such as 62.0 -37.0 or 04:08:00 -37:00:00 instead, or try again later.",
                url=self.url,
            ) from error
        if answer.status_code >= 400:
            raise ServiceError(
                f"The name resolver answered with status {answer.status_code}.",
                "Write coordinates instead, or try again later.",
                status=answer.status_code,
                url=self.url,
            )
        place = parse(answer.text, name)
        with self._lock:
            if len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = place
        return place


def parse(text: str, name: str) -> Place:
    """The first position in Sesame's plain answer. Raises QueryError when there is none."""
    found = PLACE.search(text)
    if found:
        ra, dec = float(found[1]), float(found[2])
        if math.isfinite(ra) and 0 <= ra <= 360 and abs(dec) <= 90:
            called = NAME.search(text)
            return Place(ra % 360.0, dec, called[1].strip()[:LONGEST_NAME] if called else name)
    raise QueryError(
        f"No object of the name {name!r} is known.",
        "SIMBAD, NED and VizieR were asked. Coordinates can be written as 62.0 -37.0 or 04:08:00 -37:00:00.",
    )
