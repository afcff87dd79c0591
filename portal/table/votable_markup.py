"""The XML a VOTable 1.4 has before and after its rows, in the order its schema asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

from portal.table.columns import Column, Info, Param, Service, TableMeta
from portal.table.names import labels
from portal.table.votable_values import NUMPY, WHOLE

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)

OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
)
CLOSING = "</VOTABLE>\n"


def clean(text: str) -> str:
    """Text without the characters XML cannot carry."""
    return CONTROL.sub(" ", text)


def attributes(**values: str) -> str:
    """XML attributes of those values that are not empty; a trailing underscore of a key is dropped."""
    return "".join(f" {key.rstrip('_')}={quoteattr(clean(value))}" for key, value in values.items() if value)


def written(column: Column) -> tuple[str, str]:
    """(datatype, arraysize) under which a column's values are written.

    Text is written as ``*`` (or its bound ``n*``): a fixed length would need padding, and a single character
    without arraysize is a votlint remark. Complex numbers, which are held as text, stay text. Bits are written as
    booleans unless they are arrays of fixed size: readers disagree on how others are packed.
    """
    if column.datatype == "bit" and (not column.is_array or column.arraysize.endswith("*")):
        return "boolean", column.arraysize if column.is_array else ""
    if column.is_text or (column.datatype not in NUMPY and column.datatype not in ("boolean", "bit")):
        size = column.arraysize if re.fullmatch(r"\d+\*", column.arraysize) else "*"
        return (column.datatype if column.is_text else "char"), size
    return column.datatype, column.arraysize if column.is_array else ""


def info_xml(item: Info) -> str:
    """One INFO; an empty value is written, since the attribute must stand."""
    return (
        f"<INFO name={quoteattr(clean(item.name))} value={quoteattr(clean(item.value))}>"
        f"{escape(clean(item.text))}</INFO>\n"
    )


def param_xml(item: Param) -> str:
    inside = f"<DESCRIPTION>{escape(clean(item.description))}</DESCRIPTION>" if item.description else ""
    if item.options:
        choices = "".join(f"<OPTION value={quoteattr(clean(option))}/>" for option in item.options)
        inside += f"<VALUES>{choices}</VALUES>"
    return (
        f"<PARAM{attributes(name=item.name)} value={quoteattr(clean(item.value))}"
        + attributes(datatype=item.datatype, arraysize=item.arraysize, xtype=item.xtype, unit=item.unit)
        + attributes(ucd=item.ucd, ref=item.ref)
        + f">{inside}</PARAM>\n"
    )


def service_xml(item: Service) -> str:
    """A service descriptor as its own RESOURCE (DataLink 1.1, section 4.1)."""
    own = [
        Param("accessURL", item.access_url, "char", "*"),
        Param("standardID", item.standard_id, "char", "*"),
        Param("resourceIdentifier", item.resource_identifier, "char", "*"),
    ]
    said = f"<DESCRIPTION>{escape(clean(item.description))}</DESCRIPTION>\n" if item.description else ""
    return (
        f'<RESOURCE type="meta" utype="adhoc:service"{attributes(ID=item.id, name=item.name)}>\n{said}'
        + "".join(param_xml(param) for param in own if param.value)
        + "".join(map(param_xml, item.params))
        + '<GROUP name="inputParams">\n'
        + "".join(map(param_xml, item.inputs))
        + "</GROUP>\n</RESOURCE>\n"
    )


def field_xml(column: Column, label: str, taken: set[str], marked: bool) -> str:
    """One FIELD. ``taken`` are the IDs already used in the document; ``marked``: rows carry null marks (BINARY2)."""
    datatype, arraysize = written(column)
    name = column.id if IDENTIFIER.fullmatch(column.id) and column.id not in taken else ""
    taken.add(name)
    inside = f"<DESCRIPTION>{escape(clean(column.description))}</DESCRIPTION>" if column.description else ""
    if column.null and column.datatype in WHOLE and (column.is_array or not marked):
        # A mark stands for a whole cell: what is null inside an array needs a number of its own.
        inside += f"<VALUES null={quoteattr(clean(column.null))}/>"
    if column.link:
        inside += f"<LINK href={quoteattr(clean(column.link))}/>"
    return (
        "<FIELD"
        + attributes(
            ID=name,
            name=label,
            datatype=datatype,
            arraysize=arraysize,
            unit=column.unit,
            ucd=column.ucd,
            utype=column.utype,
            xtype=column.xtype,
            ref=column.ref,
        )
        + f">{inside}</FIELD>\n"
    )


def head_xml(meta: TableMeta, serialization: str) -> str:
    """Everything up to the first row."""
    # QUERY_STATUS=OVERFLOW is only true once the rows are out; it goes behind them.
    infos = [item for item in meta.infos if item.name.upper() != "QUERY_STATUS"]
    systems = [f"<COOSYS{attributes(**item)}/>\n" for item in meta.coosys]
    systems += [f"<TIMESYS{attributes(**item)}/>\n" for item in meta.timesys]
    known = {item.get("ID", "") for item in (*meta.coosys, *meta.timesys)}
    known |= {item.id for item in meta.columns}
    taken: set[str] = {item.get("ID", "") for item in (*meta.coosys, *meta.timesys)} - {""}
    fields = []
    for column, label in zip(meta.columns, labels(meta)):
        if column.ref and column.ref not in known:
            column = replace(column, ref="")
        fields.append(field_xml(column, label, taken, serialization == "BINARY2"))
    said = f"<DESCRIPTION>{escape(clean(meta.description))}</DESCRIPTION>\n" if meta.description else ""
    opening = "<TABLEDATA>\n" if serialization == "TABLEDATA" else f'<{serialization}><STREAM encoding="base64">\n'
    return (
        OPENING
        + '<RESOURCE type="results">\n'
        + '<INFO name="QUERY_STATUS" value="OK"/>\n'
        + "".join(map(info_xml, infos))
        + "".join(systems)
        + "".join(map(param_xml, meta.params))
        + f"<TABLE{attributes(name=meta.name)}>\n{said}"
        + "".join(fields)
        + f"<DATA>{opening}"
    )


def tail_xml(serialization: str, overflow: bool, infos: Iterable[Info], services: Iterable[Service]) -> str:
    """Everything after the last row."""
    closing = "</TABLEDATA>" if serialization == "TABLEDATA" else f"</STREAM></{serialization}>"
    notes = [Info("QUERY_STATUS", "OVERFLOW")] if overflow else []
    return (
        f"{closing}</DATA>\n</TABLE>\n"
        + "".join(map(info_xml, [*notes, *infos]))
        + "</RESOURCE>\n"
        + "".join(map(service_xml, services))
        + CLOSING
    )
