"""What a file says of where its rows come from."""

from __future__ import annotations

from datetime import UTC, datetime

from portal import __version__
from portal.look import Look
from portal.provenance import export_infos
from portal.table.clauses import Clause
from portal.table.columns import Column, TableMeta

META = TableMeta((Column("mag"), Column("band", "char", "*")))
LOOK = Look(
    sort=(("mag", True),),
    filters=(("band", "in r,i"),),
    clauses=(Clause("chart", '"mag" > 5', "box on mag"),),
    kept=(Clause("sky", '"mag" < 9', "circle"),),
    condition="mag < 22",
)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_filter_selection_and_order_are_said_in_words_and_sql() -> None:
    said = {info.name: info for info in export_infos(LOOK, META, "marked", NOW)}
    assert said["SOFTWARE"].value == f"Triview {__version__}"
    assert said["EXPORTED"].value == "2026-11-21T12:00:00+00:00"
    assert said["SCOPE"].value == "rows selected"
    assert said["FILTER"].value == "band in r,i; mag < 22; circle" and '"mag" < 9' in said["FILTER"].text
    assert said["SELECTION"].value == "box on mag" and '"mag" > 5' in said["SELECTION"].text
    assert said["ORDER"].value == "mag descending"


def test_what_did_not_narrow_the_rows_is_not_said() -> None:
    assert {info.name for info in export_infos(LOOK, META, "all", NOW)} == {"SOFTWARE", "EXPORTED", "SCOPE", "ORDER"}
    assert "SELECTION" not in {info.name for info in export_infos(LOOK, META, "page", NOW)}


def test_the_version_is_that_of_the_package() -> None:
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
