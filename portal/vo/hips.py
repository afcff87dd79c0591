"""HiPS lists (HiPS 1.0, section 5.2): which sky surveys a server offers."""

from __future__ import annotations

import threading

from ..errors import TriviewError
from .http import Web, error_text

MAX_SURVEYS = 500


def parse_list(text: str) -> list[dict[str, str]]:
    """The records of a HiPS list or one properties file: dicts of its keys, in order."""
    records: list[dict[str, str]] = []
    now: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        key, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            now[key.strip()] = value.strip()
        elif not line.strip() and now:
            records.append(now)
            now = {}
    return records[:MAX_SURVEYS]


class Surveys:
    """The surveys of one list, read once. Blocking: call in a worker thread."""

    def __init__(self, web: Web, list_url: str, home: str) -> None:
        """``home``: addresses below it are given relative to the page, whatever name the browser knows it by."""
        self.web, self.list_url, self.home = web, list_url, home.rstrip("/") + "/"
        self._found: list[dict[str, str]] | None = None
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, str]]:
        """``[{"name", "url"}]``, colour pictures first. Raises ServiceError when the list cannot be had."""
        with self._lock:
            if self._found is None:
                answer = self.web.get(self.list_url)
                if answer.status_code >= 400:
                    raise TriviewError(f"The list of sky surveys cannot be read: {error_text(answer)}")
                records = parse_list(answer.text)
                found = [
                    {
                        "name": record.get("obs_title") or record.get("creator_did") or record["hips_service_url"],
                        "url": record["hips_service_url"].rstrip("/").removeprefix(self.home),
                    }
                    for record in sorted(records, key=lambda record: record.get("dataproduct_subtype") != "color")
                    if record.get("hips_service_url")
                ]
                if not found:
                    return []
                self._found = found
            return self._found
