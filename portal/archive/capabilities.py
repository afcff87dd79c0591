"""VOSI capabilities and availability of the small services: SODA, DataLink, SIA, cone search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from .handler import ServiceHandler
from .vosi import availability_xml

if TYPE_CHECKING:
    from .app import Archive

STANDARD = "ivo://ivoa.net/std/"
XML_TYPE = "text/xml; charset=utf-8"


class Resource(NamedTuple):
    """One capability: its standard below ivo://ivoa.net/std/, its path below the service, its version if it has one.

    ``use`` as in VOResource: "full" for a document, "base" for what takes parameters. An empty path is the service.
    """

    standard: str
    path: str
    version: str = ""
    use: str = "base"


VOSI = (
    Resource("VOSI#capabilities", "capabilities", use="full"),
    Resource("VOSI#availability", "availability", use="full"),
)


def capabilities_xml(url: str, resources: Sequence[Resource]) -> str:
    """VOSI capabilities of the service at ``url`` (without a slash at its end)."""

    def one(item: Resource) -> str:
        version = f" version='{item.version}'" if item.version else ""
        # A base address is one to which parameters are added.
        place = escape(f"{url}/{item.path}" if item.path else f"{url}?")
        return (
            f"<capability standardID='{STANDARD}{item.standard}'>"
            f"<interface role='std' xsi:type='vs:ParamHTTP'{version}>"
            f"<accessURL use='{item.use}'>{place}</accessURL></interface></capability>"
        )

    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<vosi:capabilities xmlns:vosi='http://www.ivoa.net/xml/VOSICapabilities/v1.0'"
        " xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        " xmlns:vs='http://www.ivoa.net/xml/VODataService/v1.1'>"
        + "".join(map(one, (*VOSI, *resources)))
        + "</vosi:capabilities>"
    )


class DocumentHandler(ServiceHandler):
    """/api/<service>/capabilities and /availability."""

    def initialize(self, archive: Archive, resources: Sequence[Resource]) -> None:  # type: ignore[override]
        super().initialize(archive)
        self.resources = resources

    async def get(self, service: str, name: str) -> None:
        self.set_header("Content-Type", XML_TYPE)
        if name == "capabilities":
            self.write(capabilities_xml(f"{self.base}/api/{service}", self.resources))
        else:
            self.write(availability_xml(self.archive.up_since))
