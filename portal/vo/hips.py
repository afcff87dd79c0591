"""HiPS lists (HiPS 1.0, section 5.2): which sky surveys a server offers."""

from __future__ import annotations

import math
import threading
from typing import Any

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


def start_of(record: dict[str, str]) -> tuple[float, float, float] | None:
    """hips_initial_ra, _dec and _fov (HiPS 1.0, section 4.4.1) in degrees; None unless all three are sound."""
    try:
        ra, dec, fov = (float(record[f"hips_initial_{name}"]) for name in ("ra", "dec", "fov"))
    except (KeyError, ValueError):
        return None
    return (ra % 360.0, dec, fov) if math.isfinite(ra) and abs(dec) <= 90 and 0 < fov <= 360 else None


class Surveys:
    """The surveys of one list, read once. Blocking: call in a worker thread."""

    def __init__(self, web: Web, list_url: str, home: str) -> None:
        """``home``: addresses below it are given relative to the page, whatever name the browser knows it by."""
        self.web, self.list_url, self.home = web, list_url, home.rstrip("/") + "/"
        self._found: list[dict[str, Any]] | None = None
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """``[{"name", "url", "start"}]``, colour pictures first. Raises ServiceError when the list cannot be had.

        ``start`` is the view the survey asks for (ra, dec, width in ICRS degrees) or None.
        """
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
                        "start": start_of(record),
                    }
                    for record in sorted(records, key=lambda record: record.get("dataproduct_subtype") != "color")
                    if record.get("hips_service_url")
                ]
                if not found:
                    return []
                self._found = found
            return self._found
