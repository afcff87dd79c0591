"""What a TAP service says it takes and gives (VOSI capabilities with TAPRegExt 1.0): uploads, limits, formats."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree

from ..errors import ServiceError
from .http import Web, error_text, parse_xml

MAX_BYTES = 4 << 20
SECONDS = 10.0  # a query waits for this document once; without it the service is asked in its own format


FORMATS = (  # from the cheapest to read to the dearest: how the media type, alias or ivo-id of each can be told
    ("#output-votable-binary2", "serialization=binary2", "votable/b2"),
    ("#output-votable-binary", "serialization=binary", "votable/b"),
    ("application/x-votable+xml", "text/xml", "votable"),  # as the service likes it
    ("#output-votable-td", "serialization=tabledata", "votable/td"),
    ("application/vnd.apache.parquet", "application/parquet", "application/x-parquet", "parquet", "vnd.apache.parquet"),
    ("application/fits", "application/fits-table", "image/fits", "fits"),
    ("text/csv", "csv"),
    ("text/tab-separated-values", "tsv"),
)
PLAIN = 2  # place of a VOTable in no stated serialization


class Capabilities(NamedTuple):
    """What matters of the document: limits of uploads, and the RESPONSEFORMAT to ask for ("" for none)."""

    uploads: UploadLimits
    format: str = ""


class UploadLimits(NamedTuple):
    """Whether tables may be sent inline with a query, and how large; 0 means no limit is told."""

    inline: bool
    bytes: int = 0
    rows: int = 0


def read_capabilities(web: Web, service: str) -> Capabilities:
    """Those of the service at that address. Raises ServiceError when it does not tell them."""
    answer = web.get(f"{service.rstrip('/')}/capabilities", seconds=SECONDS)
    if answer.status_code >= 400:
        raise ServiceError(error_text(answer), status=answer.status_code, url=str(answer.url))
    return Capabilities(parse_upload_limits(answer.content), parse_format(answer.content))


def parse_upload_limits(content: bytes) -> UploadLimits:
    """Upload limits out of a capabilities document; the hard limit goes before the default one."""
    if len(content) > MAX_BYTES:
        raise ServiceError(f"The capabilities document is larger than {MAX_BYTES >> 20} MiB.")
    root = parse_xml(content)
    inline, told = False, {"byte": 0, "row": 0}
    for item in root.iter():
        name = item.tag.rsplit("}", 1)[-1]
        if name == "uploadMethod":
            inline |= (item.get("ivo-id") or "").lower().endswith("#upload-inline")
        elif name == "uploadLimit":
            told |= _limits(item)
    return UploadLimits(inline, told["byte"], told["row"])


def _limits(item: ElementTree.Element) -> dict[str, int]:
    found: dict[str, int] = {}
    for wanted in ("default", "hard"):
        for part in item:
            text = (part.text or "").strip()
            if part.tag.rsplit("}", 1)[-1] == wanted and text.isdigit():
                found[part.get("unit") or "byte"] = int(text)
    return {unit: found[unit] for unit in ("byte", "row") if unit in found}


def parse_format(content: bytes) -> str:
    """The cheapest format on offer, as RESPONSEFORMAT wants it; "" to leave the choice to the service.

    BINARY2 takes a tenth of the time of TABLEDATA. A service that only says "VOTable" is left to its own.
    """
    if len(content) > MAX_BYTES:
        return ""
    best, chosen = len(FORMATS), ""
    for item in parse_xml(content).iter():
        if item.tag.rsplit("}", 1)[-1] != "outputFormat":
            continue
        mime = next((_words(part) for part in item if part.tag.rsplit("}", 1)[-1] == "mime"), "")
        names = [_words(part) for part in item] + ["#" + (item.get("ivo-id") or "").lower().partition("#")[2]]
        for place, marks in enumerate(FORMATS):
            told = any(name.replace(" ", "").lower().endswith(mark) for name in names for mark in marks)
            if told and place < best and mime:
                best, chosen = place, mime
    return "" if best == PLAIN else chosen


def _words(item: ElementTree.Element) -> str:
    return (item.text or "").strip()
