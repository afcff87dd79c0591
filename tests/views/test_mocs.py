"""The coverage maps of a page: opened, made, joined, marked with, saved, and refused with a reason."""

from __future__ import annotations

import io
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from mocpy import MOC

from portal.errors import QueryError, ServiceError
from portal.session import Session
from portal.sky.moc import moc_bytes
from portal.sky.moc_shelf import Shelf
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import rows_clause
from portal.vo.mocs import MocList, parse_moc_list
from tests.views.desk_kit import Desk
from views import mocs as room
from views.feeds import Feeds
from views.intake import Intakes
from views.mocs import Mocs
from widgets import base
from widgets.sky import MocAsked, Sky

META = TableMeta((Column("ra", ucd="pos.eq.ra"), Column("dec", ucd="pos.eq.dec"), Column("s_region", "char", "*")))
DISC = MOC.from_cone(10 * u.deg, 20 * u.deg, radius=2 * u.deg, max_depth=9)


class Web:
    """Answers with a MOC, a page that is none, or an error."""

    def get(self, url: str) -> SimpleNamespace:
        if "gone" in url:
            return SimpleNamespace(status_code=404, text="not here", content=b"", headers={})
        return SimpleNamespace(status_code=200, content=moc_bytes(DISC) if "disc" in url else b"<html>", headers={})


OFFERS = [{"name": name, "url": f"https://sky/{name}/Moc.fits"} for name in ("disc (survey)", "gone", "page")]


class Bench:
    """A view over 1,000 positions, and what a user asks of it."""

    def __init__(self, tmp_path, offers: object = None) -> None:
        rng = np.random.default_rng(6)
        self.ra, self.dec = rng.uniform(0, 20, 1000), rng.uniform(10, 30, 1000)
        regions = ["CIRCLE ICRS 10 20 1"] * 10 + [None] * 990
        table = pa.table([self.ra, self.dec, pa.array(regions)], schema=META.to_schema())
        self.desk = Desk(ResultTable.from_arrow(tmp_path / "r", META, table))
        self.desk.runner.web, self.desk.workspace = Web(), "w"
        self.desk.runner.uploads = SimpleNamespace(folder=tmp_path / "uploads")
        self.desk.select = lambda clause: Session.select(self.desk, clause)
        self.sky = Sky()
        self.intakes = Intakes(tmp_path / "in", 1 << 20)
        self.view = Mocs(self.desk, Feeds(1), self.sky, offers or SimpleNamespace(read=lambda: OFFERS), self.intakes)
        self.n = 0

    def ask(self, what: str, key: str = "", other: str = "", text: str = "", number: int = -1) -> str:
        """The problem it told of."""
        self.n += 1
        self.sky.moc_asked = MocAsked(self.n, what, key, other, text, number)
        assert not self.sky.moc_desk.get("busy")
        return self.sky.moc_desk.get("problem", "")

    def upload(self, name: str, content: bytes) -> str:
        path = self.view._intake.room(len(content))
        path.write_bytes(content)
        return self.ask("file", text=self.view._intake.keep(name, path).key)


@pytest.fixture
def bench(monkeypatch, tmp_path) -> Bench:
    (tmp_path / "sky.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    return Bench(tmp_path)


def test_maps_are_made_joined_marked_and_saved(bench: Bench) -> None:
    told = bench.sky.moc_desk
    assert told["sources"] == ["rows", "footprints"] and not told["marked"] and told["offers"] == OFFERS
    assert not bench.ask("offer", text=OFFERS[0]["url"])
    assert not bench.ask("rows", number=8)
    assert not bench.ask("footprints", number=9)
    disc, rows, prints = bench.sky.mocs
    assert (disc["name"], disc["order"], rows["order"]) == ("disc", 9, 8)
    assert disc["area"] == pytest.approx(np.pi * 4, rel=0.1) and prints["area"] == pytest.approx(np.pi, rel=0.2)
    assert len({one["colour"] for one in bench.sky.mocs}) == 3

    assert not bench.ask("combine", disc["key"], prints["key"], "difference")
    ring = bench.sky.mocs[-1]
    assert ring["name"] == "disc − footprints of result" and ring["area"] == pytest.approx(
        disc["area"] - prints["area"]
    )

    assert not bench.ask("mark", ring["key"])
    clause = bench.desk.look.clauses[0]
    marked = bench.desk.table().where(clause.sql)
    inside = bench.view._get(ring["key"]).coverage.moc.contains_lonlat(bench.ra * u.deg, bench.dec * u.deg)
    assert marked.tolist() == np.flatnonzero(inside).tolist() and 5 < len(marked) < 100
    assert bench.sky.moc_desk["marked"]
    assert not bench.ask("mark", prints["key"], text="or")
    assert [clause.mode for clause in bench.desk.look.clauses] == ["and", "or"]
    assert not bench.ask("rows", text="marked", number=9)
    assert bench.sky.mocs[-1]["area"] < rows["area"]

    answer = bench.view._answer({"ask": "save", "key": ring["key"], "form": "fits"})
    assert MOC.from_fits(io.BytesIO(answer.body)) == bench.view._get(ring["key"]).coverage.moc
    assert answer.headers == (("Content-Disposition", 'attachment; filename="disc___footprints_of_result.moc.fits"'),)
    assert b'"9"' in bench.view._answer({"ask": "draw", "key": disc["key"]}).body
    with pytest.raises(QueryError):
        bench.view._answer({"ask": "save", "key": ring["key"], "form": "exe"})
    with pytest.raises(QueryError):
        bench.view._answer({"ask": "draw", "key": "none"})

    bench.ask("go", disc["key"])
    assert bench.sky.target[:2] == pytest.approx((10, 20), abs=0.1) and 4 < bench.sky.target[2] < 8
    bench.ask("style", disc["key"], text="#ff0000", number=70)
    bench.ask("style", disc["key"], text="hide")
    bench.ask("style", disc["key"], text="url(evil)", number=700)
    assert [bench.sky.mocs[0][name] for name in ("colour", "opacity", "shown")] == ["#ff0000", 70, False]
    bench.ask("remove", disc["key"])
    assert len(bench.sky.mocs) == 4


def test_what_cannot_be_is_told_and_leaves_the_rest(bench: Bench, monkeypatch) -> None:
    assert not bench.upload("mine.json", moc_bytes(DISC, "json"))
    key = bench.sky.mocs[0]["key"]
    assert "not a MOC" in bench.upload("broken", b"hello")
    assert "file" in bench.ask("file", text="unknown").lower()
    assert "web page" in bench.ask("offer", text=OFFERS[2]["url"])
    assert "cannot be had" in bench.ask("offer", text=OFFERS[1]["url"])
    assert "offered" in bench.ask("offer", text="https://evil/Moc.fits")
    assert "order" in bench.ask("rows", number=25)
    assert "marked" in bench.ask("rows", text="marked", number=9)
    assert "joined by" in bench.ask("combine", key, key, "sum")
    assert "not here" in bench.ask("mark", "none")
    assert not bench.ask("combine", key, key, "difference")
    assert "empty" in bench.ask("go", bench.sky.mocs[1]["key"])
    assert bench.ask("nothing known", key), "what was said before stays"
    monkeypatch.setattr(room, "MOST_MOCS", 2)
    assert "at most 2" in bench.ask("rows", number=9)
    assert len(bench.sky.mocs) == 2
    bench.view.end()
    assert not list(bench.intakes.folder.iterdir())


def test_an_address_is_fetched_once_and_its_file_does_not_stay(bench: Bench, monkeypatch) -> None:
    def fetched(web, url, path, most, stop, tell, seconds) -> str:
        if "private" in url:
            raise ServiceError("The address points into a private network.", "")
        path.write_bytes(moc_bytes(DISC, "txt"))
        return "disc.txt"

    monkeypatch.setattr(room, "fetch_file", fetched)
    assert not bench.ask("url", text=" https://sky/disc.txt ")
    assert bench.sky.mocs[0]["name"] == "disc.txt"
    assert "private" in bench.ask("url", text="http://private/x")
    assert not list(bench.intakes.folder.iterdir())
    assert bench.ask("stop") == "" and bench.view._stop.is_set()


def test_maps_are_there_again_after_a_reload(bench: Bench) -> None:
    assert not bench.ask("rows", number=9) and not bench.ask("offer", text=OFFERS[0]["url"])
    first, second = bench.sky.mocs
    bench.ask("style", second["key"], text="#123456")
    again = Mocs(bench.desk, Feeds(1), sky := Sky(), SimpleNamespace(read=list), bench.intakes)
    assert sky.mocs == bench.sky.mocs and sky.mocs[1]["colour"] == "#123456"
    sky.moc_asked = MocAsked(1, "remove", first["key"], "", "", -1)
    folder = again._shelf.folder
    (folder / f"{second['key']}.fits").write_bytes(b"broken")
    assert sorted(path.suffix for path in folder.iterdir()) == [".fits", ".json"]
    assert again._shelf.load() == {}, "what cannot be read is left out"
    again._shelf.save({}, 1)
    assert (folder / "list.json").read_bytes() != b"[]", "a save that comes late changes nothing"
    (folder / "list.json").write_bytes(b"[[1, 2]")
    assert again._shelf.load() == {}


def test_a_map_made_while_those_of_before_are_still_read_takes_nothing_away(bench: Bench) -> None:
    assert not bench.ask("rows", number=9)
    (before,) = bench.sky.mocs
    read, late = bench.desk.runner.read, Future()
    bench.desk.runner.read = lambda work: late if getattr(work, "__func__", None) is Shelf.load else read(work)
    again = Mocs(bench.desk, Feeds(1), sky := Sky(), bench.view.offers, bench.intakes)
    sky.moc_asked = MocAsked(1, "rows", "", "", "", 8)
    late.set_result(again._shelf.load())
    assert [one["order"] for one in sky.mocs] == [9, 8]
    assert list(again._shelf.load()) == [before["key"], sky.mocs[1]["key"]]


def test_a_mark_that_was_stopped_or_is_for_other_rows_marks_nothing(bench: Bench) -> None:
    assert not bench.ask("rows", number=4)
    key, read = bench.sky.mocs[0]["key"], bench.desk.runner.read
    for leave in (lambda: bench.ask("stop"), lambda: setattr(bench.desk, "_table", None)):
        late: Future = Future()
        bench.desk.runner.read = lambda work, late=late: late
        bench.sky.moc_asked = MocAsked(bench.n + 50, "mark", key, "", "", -1)
        bench.desk.runner.read = read
        bench.n += 100
        leave()
        late.set_result(rows_clause([1]))
        assert not bench.desk.look.clauses


def test_lists_of_maps() -> None:
    lines = (
        "\\fixlen = T",
        "|name |title          |url            |",
        "|char |char           |char           |",
        " a     Deep coadds, g  mocs/a.fits",
        " b                     https://x/b.fits",
    )
    text = "\n".join(lines)
    found = parse_moc_list(text, "https://sky/api/list.tbl")
    assert found == [
        {"name": "Deep coadds, g", "url": "https://sky/api/mocs/a.fits"},
        {"name": "https://x/b.fits", "url": "https://x/b.fits"},
    ]
    for broken in ("", "<html>", "|name|\n a"):
        with pytest.raises(Exception, match="list of coverage maps"):
            parse_moc_list(broken)
    surveys = SimpleNamespace(address="https://sky/{}".format, read=lambda: [{"name": "DSS", "url": "api/hips/dss"}])
    web = SimpleNamespace(get=lambda url: SimpleNamespace(status_code=200, text=text))
    assert MocList(web, "https://sky/l", surveys).read()[-1] == {
        "name": "DSS (survey)", "url": "https://sky/api/hips/dss/Moc.fits"
    }  # fmt: skip
    bad = SimpleNamespace(
        get=lambda url: SimpleNamespace(status_code=500, text="broken", headers={}, content=b"broken")
    )
    with pytest.raises(ServiceError, match="cannot be read"):
        MocList(bad, "https://sky/l", surveys).read()


def test_a_list_that_cannot_be_had_is_said(monkeypatch, tmp_path) -> None:
    (tmp_path / "sky.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)

    def read() -> list:
        raise ServiceError("The list of coverage maps cannot be read.", "Try later.")

    bench = Bench(tmp_path, SimpleNamespace(read=read))
    assert bench.sky.moc_desk["offers"] == [] and "Try later" in bench.sky.moc_desk["problem"]
