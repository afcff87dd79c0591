"""Lists of coverage maps as Rubin serves them (an IPAC table of names and addresses), and the maps of HiPS surveys."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

from ..errors import FormatError, ServiceError
from .hips import Surveys
from .http import Web, error_text

MOST = 500
URLS = ("url", "moc_url", "access_url")
TITLES = ("title", "name", "obs_title", "moc_name")


def parse_moc_list(text: str, base: str = "") -> list[dict[str, str]]:
    """``[{"name", "url"}]`` of an IPAC table with a column of addresses. Raises FormatError when it has none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("\\")]
    if not lines or not lines[0].startswith("|"):
        raise FormatError("The list of coverage maps is not an IPAC table.")
    bars = [at for at, mark in enumerate(lines[0]) if mark == "|"]
    names = [lines[0][a + 1 : b].strip().lower() for a, b in pairwise(bars)]
    url = next((names.index(name) for name in URLS if name in names), None)
    title = next((names.index(name) for name in TITLES if name in names), url)
    if url is None:
        raise FormatError("The list of coverage maps has no column of addresses.")
    found = []
    for line in lines:
        cells = [line[a:b].strip() for a, b in zip(bars, [*bars[1:-1], None])]
        if not line.startswith("|") and cells[url]:
            found.append({"name": cells[title] or cells[url], "url": urljoin(base, cells[url])})
    return found[:MOST]


class MocList:
    """The coverage maps that are offered, read once. Blocking: call in a worker thread."""

    def __init__(self, web: Web, list_url: str, surveys: Surveys) -> None:
        """``list_url``: of the IPAC table; empty for none. The surveys' own maps follow."""
        self.web, self.list_url, self.surveys = web, list_url, surveys
        self._found: list[dict[str, str]] | None = None
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """``[{"name", "url"}]``, addresses absolute. Raises ServiceError, FormatError when a list cannot be had."""
        with self._lock:
            if self._found is None:
                found = []
                if self.list_url:
                    answer = self.web.get(self.list_url)
                    if answer.status_code >= 400:
                        raise ServiceError(f"The list of coverage maps cannot be read: {error_text(answer)}")
                    found = parse_moc_list(answer.text, self.list_url)
                found += [
                    {"name": f"{survey['name']} (survey)", "url": f"{self.surveys.address(survey['url'])}/Moc.fits"}
                    for survey in self.surveys.read()
                ]
                self._found = found
            return self._found
