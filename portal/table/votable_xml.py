"""The XML around the rows of a VOTable 1.0-1.5 document: fields, parameters, infos, services, and where rows begin.

Reads with expat, which gives exact byte positions; never touches the rows themselves. Nothing outside the
document is ever opened: a DOCTYPE or a STREAM with an href is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from portal.errors import FormatError
from portal.table.columns import Column, Info, Param, Service, TableMeta
from portal.table.names import with_unique_names

TEXT_LIMIT = 16 << 20  # characters kept of one document; real headers of 2,000 columns stay under 1 MB
TAG_LIMIT = 1 << 20  # bytes of one tag or comment
COLUMN_LIMIT = 20_000  # ten times the widest catalogue known
DEPTH_LIMIT = 64  # VOTable nests about ten deep

TEXTS = {"DESCRIPTION", "INFO"}
BODIES = {"TABLEDATA", "STREAM", "FITS", "PARQUET"}


class RowsBegin(Exception):
    """Raised out of expat when the element that holds the rows has been opened."""


class VOTableXML:
    """Collects what a VOTable says around its rows.

    ``feed`` returns the byte offset (in all that was fed) of the tag that opens the rows of the first table with
    data, or None to ask for more; after the rows ``resume`` takes the closing part. ``serialization`` is then one
    of BINARY2, BINARY, TABLEDATA. ``skip`` tables with data are stepped over before.
    """

    def __init__(self, skip: int = 0) -> None:
        self._skip = skip
        self.serialization = ""
        self.version = ""
        self.infos: list[Info] = []
        self._columns: list[Column] = []
        self._params: list[Param] = []
        self._services: list[Service] = []
        self._coosys: list[dict[str, str]] = []
        self._timesys: list[dict[str, str]] = []
        self._table: dict[str, str] = {}
        self._table_text = ""
        self._resource_text = ""
        self._found = False  # the table whose rows we read has been opened
        self._rows_done = False
        self._in_own_rows = False  # between the last row and the tag that closes the rows
        self._stack: list[str] = []
        self._resources: list[dict] = []
        self._field: dict | None = None
        self._param: dict | None = None
        self._groups: list[str] = []
        self._info: dict[str, str] = {}
        self._text: list[str] = []
        self._kept = 0
        self._start_at = -1
        self._fed = 0
        self._parser = self._new_parser()

    # what goes in

    def feed(self, data: bytes) -> int | None:
        """Parse a piece of the head; returns where the rows' opening tag begins, else None."""
        try:
            self._parser.Parse(data, False)
        except RowsBegin:
            return self._start_at
        except expat.ExpatError as error:
            raise broken(error) from None
        self._fed += len(data)
        # Expat looks again at an unfinished tag with every piece: a long one costs the square of its length.
        if self._fed - self._parser.CurrentByteIndex > TAG_LIMIT:
            raise FormatError(f"The VOTable has a tag longer than {TAG_LIMIT >> 20} MB.")
        return None

    def open_tags(self) -> str:
        """Opening tags for the elements that are open now."""
        return "".join(f"<{name}>" for name in self._stack)

    def resume(self, empty: bool = False) -> None:
        """Get ready for what follows the rows; ``empty`` when the rows' element closed itself."""
        stack, self._stack = self._stack[:-1] if empty else self._stack, []
        self._parser = self._new_parser(silent=True)
        opening = "".join(f"<{name}>" for name in stack).encode()
        self._parser.Parse(opening, False)
        self._fed = len(opening)
        self._listen(self._parser)
        self._stack = stack
        self._rows_done = True
        self._in_own_rows = not empty and self.serialization != "TABLEDATA"

    def close(self) -> None:
        """Raises FormatError unless the document has ended as it should."""
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise FormatError(
                f"The VOTable ends too early ({expat.errors.messages.get(error.code, error)}).",
                "The connection was probably cut. Run the query again.",
            ) from None

    # what comes out

    @property
    def announced(self) -> int:
        """``nrows`` of the table, 0 when it is not there or makes no sense."""
        rows = self._table.get("nrows", "").strip()
        return int(rows) if rows.isascii() and rows.isdigit() and len(rows) < 16 else 0

    def meta(self) -> TableMeta:
        """All that is known so far; column names made unique."""
        status = [item for item in self.infos if item.name.upper() == "QUERY_STATUS"]
        return with_unique_names(
            TableMeta(
                tuple(self._columns),
                name=self._table.get("name") or self._table.get("ID", ""),
                description=self._table_text or self._resource_text,
                infos=tuple(self.infos),
                params=tuple(self._params),
                services=tuple(self._services),
                coosys=tuple(self._coosys),
                timesys=tuple(self._timesys),
                overflow=any(item.value.upper() == "OVERFLOW" for item in status),
            )
        )

    def error_text(self) -> str | None:
        """The service's own words when QUERY_STATUS is ERROR, else None."""
        for item in self.infos:
            if item.name.upper() == "QUERY_STATUS" and item.value.upper() == "ERROR":
                return item.text.strip() or "The service gave no reason."
        return None

    # expat

    def _new_parser(self, silent: bool = False) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        if not silent:
            self._listen(parser)
        return parser

    def _listen(self, parser: expat.XMLParserType) -> None:
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, tag: str, attrs: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._stack and name != "VOTABLE":
            hint = "The service answered with a web page." if name.lower() == "html" else ""
            raise FormatError(f"Not a VOTable: the document is a <{name}>.", hint)
        self._stack.append(tag)
        if len(self._stack) > DEPTH_LIMIT:
            raise FormatError(f"The VOTable nests deeper than {DEPTH_LIMIT} elements.")
        if attrs:
            self._keep(sum(map(len, attrs.values())))
        if name in TEXTS:
            self._text = []
        act: Callable[[dict], None] | None = getattr(self, f"_on_{name.lower()}", None)
        if act:
            act(attrs)
        elif name in BODIES:
            self._body(name, attrs)

    def _characters(self, text: str) -> None:
        name = self._stack[-1].rpartition(":")[2] if self._stack else ""
        if name in TEXTS:
            self._keep(len(text))
            self._text.append(text)
        elif name == "STREAM" and self._in_own_rows and text.strip():
            raise FormatError("The STREAM of the VOTable holds something that is not base64.")

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        parent = self._stack[-2].rpartition(":")[2] if len(self._stack) > 1 else ""
        if name == "DESCRIPTION":
            self._describe(parent, "".join(self._text).strip())
        elif name == "INFO":
            self.infos.append(Info(self._info.get("name", ""), self._info.get("value", ""), "".join(self._text)))
        elif name == "FIELD" and self._field is not None:
            self._columns.append(_column(self._field))
            self._field = None
        elif name == "PARAM" and self._param is not None:
            self._end_param()
        elif name == "GROUP" and self._groups:
            self._groups.pop()
        elif name == "RESOURCE" and self._resources:
            self._end_resource()
        elif name == "STREAM":
            self._in_own_rows = False
        self._stack.pop()

    def _keep(self, size: int) -> None:
        self._kept += size
        if self._kept > TEXT_LIMIT:
            raise FormatError(f"The VOTable describes itself in more than {TEXT_LIMIT >> 20} MB of text.")

    # elements

    def _on_votable(self, attrs: dict) -> None:
        self.version = attrs.get("version", "")

    def _on_resource(self, attrs: dict) -> None:
        self._resources.append({"attrs": attrs, "text": "", "params": [], "inputs": []})

    def _on_table(self, attrs: dict) -> None:
        # A table that had fields but no data yields to the next one; the one with data stays.
        if not self._found and not self._in_service():
            self._table, self._columns, self._table_text = attrs, [], ""

    def _on_field(self, attrs: dict) -> None:
        if self._found or self._in_service():
            return
        if len(self._columns) >= COLUMN_LIMIT:
            raise FormatError(f"The VOTable has more than {COLUMN_LIMIT:,} columns.")
        self._field = {**attrs, "null": "", "text": ""}

    def _on_param(self, attrs: dict) -> None:
        self._param = {**attrs, "options": [], "text": ""}

    def _on_group(self, attrs: dict) -> None:
        self._groups.append(attrs.get("name", ""))

    def _on_info(self, attrs: dict) -> None:
        self._info = attrs

    def _on_values(self, attrs: dict) -> None:
        if self._field is not None and "null" in attrs:
            self._field["null"] = attrs["null"]

    def _on_option(self, attrs: dict) -> None:
        if self._param is not None and "value" in attrs:
            self._param["options"].append(attrs["value"])

    def _on_link(self, attrs: dict) -> None:
        href = attrs.get("href", "")
        if self._field is not None:
            self._field["link"] = href
        elif href and not self._in_service():
            self.infos.append(Info("LINK", href, attrs.get("title", "")))

    def _on_coosys(self, attrs: dict) -> None:
        self._coosys.append(dict(attrs))

    def _on_timesys(self, attrs: dict) -> None:
        self._timesys.append(dict(attrs))

    def _body(self, name: str, attrs: dict) -> None:
        if name in ("FITS", "PARQUET"):
            if self._skip or self._found:
                return  # its STREAM is what counts
            raise FormatError(f"The rows of this VOTable are in {name}, which is not read.", "Ask for BINARY2.")
        if name == "STREAM":
            if "href" in attrs:
                raise FormatError("The rows of this VOTable are in another file, which is not followed.")
            name = self._stack[-2].rpartition(":")[2] if len(self._stack) > 1 else ""
        if self._found or self._in_service():
            return
        if self._skip:
            self._skip -= 1
            return
        if name not in ("BINARY", "BINARY2", "TABLEDATA"):
            raise FormatError(f"The rows of this VOTable are in {name or 'an unknown form'}, which is not read.")
        if name != "TABLEDATA" and attrs.get("encoding", "base64") != "base64":
            raise FormatError(f"The rows are encoded as {attrs['encoding']!r}; only base64 is read.")
        self._found, self.serialization = True, name
        self._start_at = self._parser.CurrentByteIndex
        raise RowsBegin

    def _in_service(self) -> bool:
        return any(item["attrs"].get("type") == "meta" for item in self._resources)

    def _describe(self, parent: str, text: str) -> None:
        if parent == "FIELD" and self._field is not None:
            self._field["text"] = text
        elif parent == "PARAM" and self._param is not None:
            self._param["text"] = text
        elif parent == "TABLE" and not self._rows_done:
            self._table_text = text
        elif parent == "RESOURCE":
            self._resources[-1]["text"] = text
            if not self._in_service() and not self._rows_done:
                self._resource_text = text

    def _end_param(self) -> None:
        item = _param(self._param)
        self._param = None
        if not self._in_service():
            self._params.append(item)
        elif any(name.lower() == "inputparams" for name in self._groups):
            self._resources[-1]["inputs"].append(item)
        else:
            self._resources[-1]["params"].append(item)

    def _end_resource(self) -> None:
        item = self._resources.pop()
        attrs, found = item["attrs"], {param.name.lower(): param.value for param in item["params"]}
        if attrs.get("utype", "").lower() == "adhoc:service" and found.get("accessurl"):
            own = ("accessurl", "standardid", "resourceidentifier")
            self._services.append(
                Service(
                    found["accessurl"],
                    standard_id=found.get("standardid", ""),
                    resource_identifier=found.get("resourceidentifier", ""),
                    id=attrs.get("ID", ""),
                    name=attrs.get("name", ""),
                    description=item["text"],
                    inputs=tuple(item["inputs"]),
                    params=tuple(param for param in item["params"] if param.name.lower() not in own),
                )
            )


def broken(error: expat.ExpatError) -> FormatError:
    """What expat found wrong, for the user."""
    message = expat.errors.messages.get(error.code, str(error))
    return FormatError(f"Not a well-formed VOTable: {message} (line {error.lineno}).")


def _refuse_doctype(*_: object) -> None:
    raise FormatError("The VOTable carries a DOCTYPE, which is refused: it could name other files.")


def _column(attrs: dict) -> Column:
    return Column(
        attrs.get("name") or attrs.get("ID", ""),
        datatype=attrs.get("datatype", "char"),
        arraysize="".join(attrs.get("arraysize", "").split()),
        unit=attrs.get("unit", ""),
        ucd=attrs.get("ucd", ""),
        utype=attrs.get("utype", ""),
        xtype=attrs.get("xtype", ""),
        description=attrs["text"],
        id=attrs.get("ID", ""),
        ref=attrs.get("ref", ""),
        null=attrs["null"],
        link=attrs.get("link", ""),
    )


def _param(attrs: dict) -> Param:
    return Param(
        attrs.get("name", ""),
        value=attrs.get("value", ""),
        datatype=attrs.get("datatype", "char"),
        arraysize=attrs.get("arraysize", ""),
        unit=attrs.get("unit", ""),
        ucd=attrs.get("ucd", ""),
        ref=attrs.get("ref", ""),
        description=attrs["text"],
        options=tuple(attrs["options"]),
        xtype=attrs.get("xtype", ""),
    )
