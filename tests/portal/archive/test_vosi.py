"""What the archive says of itself, as XML and through pyvo."""

from __future__ import annotations

from xml.etree import ElementTree

import pyvo

SPACE = {"vosi": "http://www.ivoa.net/xml/VOSITables/v1.0"}


def test_availability(service) -> None:
    assert b"<vosi:available>true</vosi:available>" in service.http.get("/api/tap/availability").content


def test_capabilities_tell_language_formats_and_limits(service) -> None:
    tap = pyvo.dal.TAPService(service.tap)
    assert tap.hardlimit == service.archive.limits.max_rows
    capability = tap.get_tap_capability()
    adql = capability.get_adql()
    assert adql.get_feature("ivo://ivoa.net/std/TAPRegExt#features-adqlgeo", "CONTAINS")
    functions = adql.get_feature_list("ivo://ivoa.net/std/TAPRegExt#features-udf")
    forms = {item.form.partition("(")[0]: item.form for item in functions}
    assert forms["scisql_nanojanskyToAbMag"] == "scisql_nanojanskyToAbMag(flux DOUBLE) -> DOUBLE"
    assert forms["ivo_healpix_index"] == "ivo_healpix_index(order INTEGER, ra DOUBLE, dec DOUBLE) -> BIGINT"
    assert forms["ivo_hasword"] == "ivo_hasword(text VARCHAR, word VARCHAR) -> INTEGER"
    assert "SIN" not in forms and "COUNT" not in forms and "STDDEV" in forms
    assert adql.get_feature("ivo://ivoa.net/std/TAPRegExt#features-adql-sets", "UNION")
    assert adql.get_feature("ivo://ivoa.net/std/TAPRegExt#features-adql-string", "ILIKE")
    mimes = {form.mime for form in capability.outputformats}
    assert {"application/x-votable+xml", "text/csv;header=present", "application/vnd.apache.parquet"} <= mimes


def test_tables_whole_and_least(service) -> None:
    whole = ElementTree.fromstring(service.http.get("/api/tap/tables").content)
    names = [item.text for item in whole.iterfind("schema/name")]
    assert names == list(service.archive.store.schemas)
    wide = next(table for table in whole.iterfind("schema/table") if table.findtext("name") == "dp1.Object")
    assert len(wide.findall("column")) == 1296
    least = ElementTree.fromstring(service.http.get("/api/tap/tables?detail=min").content)
    assert len(least.findall("schema/table")) == len(whole.findall("schema/table"))
    assert not least.findall("schema/table/column")


def test_one_table(service) -> None:
    root = ElementTree.fromstring(service.http.get("/api/tap/tables/dp1.Visit").content)
    assert root.findtext("name") == "dp1.Visit" and root.find("column") is not None
    assert service.http.get("/api/tap/tables/dp1.Nothing").status_code == 404


def test_pyvo_reads_tables_with_units(service) -> None:
    table = pyvo.dal.TAPService(service.tap).tables["dp1.Object"]
    column = next(item for item in table.columns if item.name == "g_psfFlux")
    assert str(column.unit) == "nJy" and column.datatype.content == "float"


def test_tap_schema_agrees_with_tables(service) -> None:
    answer = service.sync("SELECT COUNT(*) AS n FROM tap_schema.columns", RESPONSEFORMAT="csv")
    whole = ElementTree.fromstring(service.http.get("/api/tap/tables").content)
    assert int(answer.text.split()[1]) == len(whole.findall("schema/table/column"))


def test_examples_run(service) -> None:
    examples = pyvo.dal.TAPService(service.tap).examples
    assert len(examples) >= 3
    for example in examples:
        assert service.sync(example.querytext if hasattr(example, "querytext") else example["QUERY"]).status_code == 200


def test_tree_for_the_schema_browser(service) -> None:
    tree = service.http.get("/api/tap/tree.json").json()
    tables = {table["name"]: table for schema in tree["schemas"] for table in schema["tables"]}
    assert tables["dp1.Object"]["rows"] > 1000
    assert {"name", "datatype", "unit", "ucd", "description", "principal"} == set(tables["dp1.Object"]["columns"][0])
