"""HiPS lists (HiPS 1.0, section 5.2): which sky surveys a server offers, and where the browser gets each of them."""

from __future__ import annotations

import hashlib
import math
import re
import threading
from typing import Any

from ..errors import LimitError, ServiceError, TriviewError
from .http import Web, error_text, origin_of

MAX_SURVEYS = 500
RELAY = "hips/"  # relative to the page: where the portal hands on the tiles of other servers
LONGEST_WORDS = 300  # of a title or description
BAND = re.compile(
    r"(?:^|[^a-z0-9])(?:band[_ -]?([ugrizy])|([ugrizy])[_ -]band|(?:colou?r)[_ -]([ugrizy]{1,5}))(?![a-z])", re.I
)
RANGES = {"u": 367e-9, "g": 483e-9, "r": 622e-9, "i": 754e-9, "z": 869e-9, "y": 971e-9}  # middle of each, metres
WIDEST_BAND = 250e-9


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


def band_of(record: dict[str, str]) -> str:
    """The band or bands in the survey's name ("i", "gri"), else that of its wavelengths, else its regime."""
    for name in ("hips_service_url", "creator_did", "obs_title"):
        if found := BAND.search(record.get(name, "")):
            return next(group for group in found.groups() if group).lower()
    try:
        low, high = float(record["em_min"]), float(record["em_max"])
    except (KeyError, ValueError):
        return record.get("obs_regime", "")[:20]
    middle = (low + high) / 2
    band = min(RANGES, key=lambda name: abs(RANGES[name] - middle))
    near = 0 < high - low < WIDEST_BAND and abs(RANGES[band] - middle) < 60e-9
    return band if near else record.get("obs_regime", "")[:20]


def is_address(text: str) -> bool:
    """Whether a survey can be asked for there; the list of a server may have what is not."""
    try:
        origin_of(text)
    except ServiceError:
        return False
    return True


class Surveys:
    """The surveys of one list, read once. Blocking: call in a worker thread."""

    def __init__(self, web: Web, list_url: str, home: str) -> None:
        """``home``: addresses below it are given relative to the page, whatever name the browser knows it by."""
        self.web, self.list_url, self.home = web, list_url, home.rstrip("/") + "/"
        self._found: list[dict[str, Any]] | None = None
        self._more: dict[str, dict[str, Any]] = {}
        self._sources: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """``[{"name", "url", "start", "band", "about"}]``, colour pictures first.

        ``url`` is relative to the page: the embedded archive's own address, or one that the relay answers.
        ``start`` is the view the survey asks for (ra, dec, width in ICRS degrees) or None.
        Raises TriviewError when the list cannot be had.
        """
        with self._lock:
            if self._found is None:
                answer = self.web.get(self.list_url)
                if answer.status_code >= 400:
                    raise TriviewError(f"The list of sky surveys cannot be read: {error_text(answer)}")
                records = parse_list(answer.text)
                found = [
                    self._known(record, record["hips_service_url"])
                    for record in sorted(records, key=lambda record: record.get("dataproduct_subtype") != "color")
                    if is_address(record.get("hips_service_url", ""))
                ]
                if not found:
                    return []
                self._found = found
            return [*self._found, *self._more.values()]

    def _known(self, record: dict[str, str], address: str) -> dict[str, Any]:
        address = address.rstrip("/")
        if address.startswith(self.home):
            url = address.removeprefix(self.home)
        else:
            key = hashlib.sha256(address.encode()).hexdigest()[:12]
            self._sources[key] = address
            url = RELAY + key
        name = record.get("obs_title") or record.get("creator_did") or address
        return {
            "name": name[:LONGEST_WORDS],
            "url": url,
            "start": start_of(record),
            "band": band_of(record),
            "about": record.get("obs_description", "")[:LONGEST_WORDS],
        }

    def find(self, address: str) -> dict[str, Any]:
        """The survey at an address, as ``read`` gives it: of the list, or of a host that the list names.

        Raises ServiceError for another host, LimitError when too many were opened, TriviewError when there is no HiPS.
        """
        address = address.rstrip("/")
        if "?" in address or "#" in address:  # what is asked with the portal's token has no arguments of a stranger
            raise TriviewError(f"{address} is no address of a HiPS.", "It has no ? and no #. Choose one under Layers.")
        known = self.read()
        with self._lock:
            key = hashlib.sha256(address.encode()).hexdigest()[:12]
            wanted = (RELAY + key, address.removeprefix(self.home), address)
            for survey in known:
                if survey["url"] in wanted:
                    return survey
            if "://" not in address:
                raise TriviewError(f"There is no survey {address!r} in the list.", "Choose one under Layers.")
            hosts = {origin_of(source) for source in (*self._sources.values(), self.list_url, self.home)}
        if origin_of(address) not in hosts:
            # Links of Rubin's documentation name its own server; the survey of that name here is what they mean.
            same = [one for one in known if one["url"].rsplit("/", 1)[-1] == address.rsplit("/", 1)[-1]]
            if len(same) == 1:
                return same[0]
            raise ServiceError(
                f"The survey {address} is on a host that the list of surveys does not name, and was not opened.",
                "Choose one under Layers, or set TRIVIEW_HIPS_LIST_URL to a list that names it.",
                url=address,
            )
        answer = self.web.get(f"{address}/properties")
        records = parse_list(answer.text) if answer.status_code < 400 else []
        if not records or "hips_order" not in records[0]:
            raise TriviewError(f"There is no HiPS at {address}.", "Its properties file is missing or is none.")
        with self._lock:
            if len(self._more) >= MAX_SURVEYS:
                raise LimitError(f"{MAX_SURVEYS} surveys beside the list are open already.", "Choose one under Layers.")
            found = self._known(records[0], address)
            self._more[found["url"]] = found
        return found

    def address(self, url: str) -> str:
        """The absolute address behind the ``url`` of a survey, for the server itself."""
        return self._sources.get(url.removeprefix(RELAY)) or self.home + url

    def source(self, key: str) -> str | None:
        """The address behind a key of the relay, or None."""
        return self._sources.get(key)
