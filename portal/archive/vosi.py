"""What the archive says of itself: capabilities (TAPRegExt 1.0), availability, tables (VODataService).

Builds XML from the schemas and the function list; knows nothing of requests but their base address.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from ..adql.functions import FUNCTIONS, LANGUAGE_FEATURES
from .formats import FORMATS
from .jobstore import iso_time
from .limits import Limits
from .schema.load import Schema, SchemaColumn, Table, delimited
from .schema.standards import TABLE_UTYPES
from .uws import KEEP_SECONDS, LONGEST_KEEP_SECONDS

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
STANDARD = "ivo://ivoa.net/std/"
UNTOLD = ("features-adql-conditional",)  # STILTS 3.4.7 calls the name an error; COALESCE works all the same


def capabilities_xml(base: str, limits: Limits) -> str:
    """VOSI capabilities of the TAP service: its interfaces, its language, formats and limits."""
    tap = f"{base}/api/tap"
    plain = "".join(
        f'<capability standardID="{STANDARD}VOSI#{name}">{_interface(f"{tap}/{name}")}</capability>'
        for name in ("capabilities", "availability")
    )
    languages = "".join(
        f'<languageFeatures type="{STANDARD}TAPRegExt#{kind}">{"".join(features)}</languageFeatures>'
        for kind, features in _language_features().items()
    )
    forms = "".join(
        f"<outputFormat{' ivo-id=' + quoteattr(_format_id(form.name)) if _format_id(form.name) else ''}>"
        f"<mime>{escape(form.media_type)}</mime>"
        + "".join(f"<alias>{alias}</alias>" for alias in form.aliases)
        + "</outputFormat>"
        for form in FORMATS
    )
    ways = "".join(f'<uploadMethod ivo-id="{STANDARD}TAPRegExt#upload-{way}"/>' for way in ("inline", "http", "https"))
    return (
        f"{XML}<vosi:capabilities xmlns:vosi='http://www.ivoa.net/xml/VOSICapabilities/v1.0' {XSI}"
        " xmlns:vs='http://www.ivoa.net/xml/VODataService/v1.1' xmlns:tr='http://www.ivoa.net/xml/TAPRegExt/v1.0'>"
        f"{plain}"
        f'<capability standardID="{STANDARD}VOSI#tables-1.1">{_interface(f"{tap}/tables")}</capability>'
        f'<capability standardID="{STANDARD}DALI#examples">'
        f"{_interface(f'{tap}/examples', 'vr:WebBrowser')}</capability>"
        f'<capability standardID="{STANDARD}TAP" xsi:type="tr:TableAccess">'
        f'<interface role="std" version="1.1" xsi:type="vs:ParamHTTP"><accessURL use="base">{escape(tap)}</accessURL>'
        "</interface>"
        f'<dataModel ivo-id="{STANDARD}ObsCore#core-1.1">ObsCore-1.1</dataModel>'
        f'<language><name>ADQL</name><version ivo-id="{STANDARD}ADQL#v2.1">2.1</version>'
        f'<version ivo-id="{STANDARD}ADQL#v2.0">2.0</version>'
        "<description>ADQL 2.1 with the functions of the Rubin Science Platform</description>"
        f"{languages}"
        "</language>"
        f"{forms}"
        f"{ways}"
        f"<retentionPeriod><default>{KEEP_SECONDS:.0f}</default><hard>{LONGEST_KEEP_SECONDS:.0f}</hard></retentionPeriod>"
        f"<executionDuration><default>{limits.async_seconds:.0f}</default>"
        f"<hard>{limits.async_seconds:.0f}</hard></executionDuration>"
        f'<outputLimit><default unit="row">{limits.max_rows}</default><hard unit="row">{limits.max_rows}</hard>'
        "</outputLimit>"
        f'<uploadLimit><hard unit="byte">{limits.body_bytes}</hard></uploadLimit>'
        "</capability></vosi:capabilities>"
    )


def _language_features() -> dict[str, list[str]]:
    """Features of the language by their TAPRegExt name, as XML. A function that ADQL 2.1 lacks is "user defined"."""
    found = {
        "features-adqlgeo": [_feature(item.name) for item in FUNCTIONS if item.kind == "geometry"],
        "features-udf": [_feature(item.form, item.description) for item in FUNCTIONS if not item.standard],
    }
    told = {kind: words for kind, words in LANGUAGE_FEATURES.items() if kind not in UNTOLD}
    return found | {kind: [_feature(word) for word in words] for kind, words in told.items()}


def _feature(form: str, description: str = "") -> str:
    return f"<feature><form>{escape(form)}</form>{_about(description)}</feature>"


def _format_id(name: str) -> str:
    known = {"votable": "output-votable-binary2", "tabledata": "output-votable-td", "binary": "output-votable-binary"}
    return f"{STANDARD}TAPRegExt#{known[name]}" if name in known else ""


def _interface(url: str, kind: str = "vs:ParamHTTP") -> str:
    if kind == "vr:WebBrowser":
        space = " xmlns:vr='http://www.ivoa.net/xml/VOResource/v1.0'"
        return f'<interface{space} xsi:type="{kind}"><accessURL use="full">{escape(url)}</accessURL></interface>'
    return f'<interface role="std" xsi:type="{kind}"><accessURL use="full">{escape(url)}</accessURL></interface>'


def availability_xml(up_since: float, note: str = "") -> str:
    """VOSI availability 1.0; a service that can write it is available."""
    return (
        f"{XML}<vosi:availability xmlns:vosi='http://www.ivoa.net/xml/VOSIAvailability/v1.0'>"
        f"<vosi:available>true</vosi:available><vosi:upSince>{iso_time(up_since)}</vosi:upSince>"
        f"{f'<vosi:note>{escape(note)}</vosi:note>' if note else ''}</vosi:availability>"
    )


def tables_xml(schemas: Mapping[str, Schema], rows: Mapping[str, int], detail: bool) -> str:
    """VOSI tableset; without ``detail`` tables come without their columns and keys. ``rows`` by table name."""
    parts = [
        f"{XML}<vosi:tableset xmlns:vosi='http://www.ivoa.net/xml/VOSITables/v1.0' {XSI}"
        " xmlns:vs='http://www.ivoa.net/xml/VODataService/v1.1'>"
    ]
    for schema in schemas.values():
        parts.append(f"<schema><name>{escape(schema.name)}</name>{_about(schema.description)}")
        parts += [_table("table", table, rows, detail) for table in schema.tables.values()]
        parts.append("</schema>")
    parts.append("</vosi:tableset>")
    return "".join(parts)


def table_xml(table: Table, rows: Mapping[str, int]) -> str:
    """VOSI document of one table."""
    spaces = (
        f" xmlns:vosi='http://www.ivoa.net/xml/VOSITables/v1.0' {XSI}"
        " xmlns:vs='http://www.ivoa.net/xml/VODataService/v1.1'"
    )
    return XML + _table("vosi:table", table, rows, True, spaces)


def _table(tag: str, table: Table, rows: Mapping[str, int], detail: bool, spaces: str = "") -> str:
    parts = [f'<{tag}{spaces} type="table"><name>{escape(table.name)}</name>{_about(table.description)}']
    if table.name in TABLE_UTYPES:
        parts.append(f"<utype>{TABLE_UTYPES[table.name]}</utype>")
    if table.name in rows:
        parts.append(f"<nrows>{rows[table.name]}</nrows>")
    if detail:
        parts += [_column(column) for column in table.columns]
        for key in table.keys:
            parts.append(f"<foreignKey><targetTable>{escape(key.target_table)}</targetTable>")
            for here, there in key.columns:
                parts.append(
                    f"<fkColumn><fromColumn>{escape(here)}</fromColumn>"
                    f"<targetColumn>{escape(there)}</targetColumn></fkColumn>"
                )
            parts.append(f"{_about(key.description)}</foreignKey>")
    parts.append(f"</{tag}>")
    return "".join(parts)


def _column(column: SchemaColumn) -> str:
    size = f" arraysize={quoteattr(column.arraysize)}" if column.arraysize else ""
    size += f" extendedType={quoteattr(column.xtype)}" if column.xtype else ""
    flags = [name for name in ("indexed", "principal") if getattr(column, name)]
    std = ' std="true"' if column.std else ""
    return (
        f"<column{std}><name>{escape(delimited(column.name))}</name>{_about(column.description)}"
        + "".join(
            f"<{tag}>{escape(value)}</{tag}>"
            for tag, value in (("unit", column.unit), ("ucd", column.ucd), ("utype", column.utype))
            if value
        )
        + f'<dataType xsi:type="vs:VOTableType"{size}>{column.datatype}</dataType>'
        + "".join(f"<flag>{flag}</flag>" for flag in flags)
        + "</column>"
    )


def _about(text: str) -> str:
    return f"<description>{escape(text)}</description>" if text else ""
