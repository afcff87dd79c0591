"""What a TAP service says it takes (VOSI capabilities with TAPRegExt 1.0): uploads and their limits."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree

from ..errors import ServiceError
from .http import Web, error_text, parse_xml

MAX_BYTES = 4 << 20


class UploadLimits(NamedTuple):
    """Whether tables may be sent inline with a query, and how large; 0 means no limit is told."""

    inline: bool
    bytes: int = 0
    rows: int = 0


def read_upload_limits(web: Web, service: str) -> UploadLimits:
    """The limits of the service at that address. Raises ServiceError when it does not tell its capabilities."""
    answer = web.get(f"{service.rstrip('/')}/capabilities")
    if answer.status_code >= 400:
        raise ServiceError(error_text(answer), status=answer.status_code, url=str(answer.url))
    return parse_upload_limits(answer.content)


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
