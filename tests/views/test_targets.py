"""Which tables can be searched with an upload, and that the query written is about the right columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from portal.adql.parse import parse_adql
from portal.errors import LimitError, QueryError
from portal.table.columns import Column, TableMeta
from portal.uploads import Uploads, as_schema
from views.targets import described, first_rows, searchable, target_query

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
META = TableMeta(
    (
        Column("Name", "char", "*"),
        Column("RA", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
        Column("DE", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
        Column("objectId", "long", ucd="meta.id"),
        Column("s_region", "char", "*"),
    )
)


def column(name: str, datatype: str, ucd: str = "", principal: bool = True) -> dict:
    return {"name": name, "datatype": datatype, "unit": "", "ucd": ucd, "description": "", "principal": principal}


PLACES = [column("coord_ra", "double", "pos.eq.ra;meta.main"), column("coord_dec", "double", "pos.eq.dec;meta.main")]
PARENT = column("parentObjectId", "long", "", False)
ID = column("objectId", "long", "meta.id;src")
DOC = {
    "schemas": [
        {"name": "dp1", "tables": [
            {"name": "dp1.Object", "columns": [PARENT, ID, *PLACES, column("x", "float", "", False)]},
            {"name": "dp1.Visit", "columns": [column("visit", "long", "meta.id")]},
            {"name": "dp1.Bare", "columns": [column("x", "float")]},
        ]},
        {"name": "tap_schema", "tables": [{"name": "tap_schema.x", "columns": PLACES}]},
    ]
}  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path):
    uploads = Uploads(tmp_path)
    rows = pa.RecordBatch.from_arrays(
        [pa.array(["a", "b", "c"]), pa.array([62.0, None, 62.2]), pa.array([-37.0, -37.1, -37.2]), pa.array(IDS),
         pa.array(["CIRCLE ICRS 62 -37 0.1", None, "POLYGON ICRS 61 -37 62 -37 62 -36"])],
        schema=META.to_schema(),
    )  # fmt: skip
    upload = uploads.add("w", "mine", "my list", META, [rows] * 2)
    return upload, uploads.path("w", upload.key)


def test_what_can_be_searched(kept) -> None:
    assert searchable(DOC) == [
        {"name": "dp1.Object", "ra": "coord_ra", "dec": "coord_dec", "ids": ["objectId", "parentObjectId"]},
        {"name": "dp1.Visit", "ra": "", "dec": "", "ids": ["visit"]},
    ]
    told = described(kept[0])
    assert told["places"] == ["RA", "DE"] and told["ids"][0] == "objectId" and told["regions"] == "s_region"
    assert told["note"].startswith("6 rows · 5 columns")
    assert as_schema([kept[0]])["tables"][0]["name"] == "TAP_UPLOAD.mine"


def test_a_title_of_several_lines_stays_a_comment(kept) -> None:
    upload = kept[0]._replace(title="my list\nDROP TABLE x\u2028y")
    for how, inside in (("place", False), ("place", True), ("region", True)):
        text = target_query(upload, kept[1], DOC, "dp1.Object", how, 1.0, "", "", inside)
        assert "my list DROP TABLE x y" in text.split("\n")[0] and text.count("DROP") == 1


def test_queries_are_written(kept) -> None:
    def write(table="dp1.Object", how="place", radius=1.0, column="", target="", inside=False) -> str:
        text = target_query(*kept, DOC, table, how, radius, column, target, inside)
        parse_adql(text)
        return text

    joined = write()
    assert joined.startswith("-- dp1.Object within 1 arcsec of the 6 positions of my list\n")
    assert "POINT('ICRS', u.RA, u.DE), CIRCLE('ICRS', o.coord_ra, o.coord_dec, 0.000277778)" in joined
    assert "u.objectId AS objectId_u" in joined and "o.x" not in joined
    assert write(inside=True).count("CIRCLE(") == 2  # the same position twice is one circle, none for a null
    by_id = write(how="id", column="objectId", target="objectId")
    assert "TAP_UPLOAD.mine AS u ON o.objectId = u.objectId" in by_id
    listed = write(how="id", column="objectId", target="objectId", inside=True)
    assert all(f"{key}" in listed for key in IDS) and "'" not in listed.split("\n", 1)[1]
    assert "'a', 'b', 'c'" in write(how="id", column="objectId", target="Name", inside=True)
    assert write(how="region").count("CONTAINS(") == 2
    for wrong in (
        {"table": "dp1.Bare"}, {"table": "dp1.Visit"}, {"radius": 0}, {"how": "id", "column": "x; DROP"},
        {"how": "id", "column": "objectId", "target": "none"}, {"table": "dp1.Visit", "how": "region"},
    ):  # fmt: skip
        with pytest.raises(QueryError):
            write(**wrong)


def test_only_as_many_rows_are_read_as_needed(kept, monkeypatch) -> None:
    assert first_rows(kept[1], ["objectId"], 4)["objectId"] == [*IDS, IDS[0]]
    monkeypatch.setattr("portal.adql.targets.MOST_IDS", 2)
    with pytest.raises(LimitError):
        target_query(*kept, DOC, "dp1.Object", "id", 1.0, "objectId", "objectId", True)
