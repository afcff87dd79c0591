"""Downloads: which rows and columns a scope stands for, what the file is called, what it says, what is estimated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pyarrow as pa
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.testing import bind_unused_port
from tornado.web import Application

from portal.errors import LimitError, QueryError
from portal.look import Look
from portal.table.arrangement import Arrangement
from portal.table.clauses import Clause
from portal.table.columns import Column, Info, TableMeta
from portal.table.result import ResultTable
from portal.table.votable_read import read_votable
from views.export import export_answer, measure
from views.feeds import ROOT, Answer, FeedHandler, Feeds

ROWS = 300
LOOK = Look(
    sort=(("mag", True),),
    filters=(("mag", "< 200"),),
    clauses=(Clause("chart", '"mag" >= 190', "bright"),),
    columns=Arrangement(order=("mag", "objectId"), hidden=("note",)),
)


@pytest.fixture
def table(tmp_path) -> ResultTable:
    meta = TableMeta(
        (Column("objectId", "long"), Column("mag"), Column("note", "char", "*")), infos=(Info("QUERY", "SELECT 1"),)
    )
    rows = {"objectId": range(ROWS), "mag": [float(n) for n in range(ROWS)], "note": ["x"] * ROWS}
    return ResultTable.from_arrow(tmp_path / "r", meta, pa.table(rows, schema=meta.to_schema()))


def lines(table: ResultTable, **arguments: str) -> list[str]:
    answer = export_answer(table, LOOK, {"format": "csv", **arguments}, "Query 1", page=(10, 5))
    return b"".join(answer.body).decode().splitlines()


def test_each_scope_has_its_rows_in_the_order_of_the_table(table) -> None:
    assert lines(table, scope="all")[0] == "objectId,mag,note" and len(lines(table, scope="all")) == ROWS + 1
    assert lines(table, scope="all", columns="shown")[:2] == ["mag,objectId", "299.0,299"]
    assert lines(table, scope="filtered")[1] == "199,199.0,x" and len(lines(table, scope="filtered")) == 201
    assert [line.split(",")[0] for line in lines(table, scope="marked")[1:]] == [str(n) for n in range(199, 189, -1)]
    assert [line.split(",")[0] for line in lines(table, scope="page")[1:]] == ["189", "188", "187", "186", "185"]


def test_the_file_says_where_its_rows_come_from(table) -> None:
    answer = export_answer(table, LOOK, {"scope": "marked"}, "Stars <b> & näher/..", (0, 100))
    assert dict(answer.headers)["Content-Disposition"] == 'attachment; filename="Stars_b_n_her_.._marked.vot"'
    infos = {info.name: info for info in read_votable(b"".join(answer.body))[0].infos}
    assert infos["QUERY"].value == "SELECT 1" and infos["SELECTION"].value == "bright"
    assert infos["ROWS"] == Info("ROWS", "10", "of 300 received") and infos["ORDER"].value == "mag descending"
    assert lines(table, comments="1")[0] == "# QUERY: SELECT 1"


@pytest.mark.parametrize("wrong", [{"format": "xlsx"}, {"scope": "some"}, {"columns": "none"}, {"format": "regions"}])
def test_what_is_not_offered_is_refused(table, wrong) -> None:
    with pytest.raises(QueryError):
        export_answer(table, LOOK, wrong, "x")


def test_sizes_are_estimated_from_some_rows(table) -> None:
    found = measure(table, LOOK, (290, 100))
    assert found.rows == {"all": ROWS, "filtered": 200, "marked": 10, "page": 0}
    assert set(found.sizes) == {"shown", "all"} and "regions" not in found.sizes["all"]
    for form in ("csv", "votable", "fits", "ecsv"):
        head, row = found.sizes["all"][form]
        real = len(b"".join(export_answer(table, LOOK, {"format": form}, "x").body))
        assert abs(head + row * ROWS - real) < 0.4 * real, form
    assert found.sizes["shown"]["csv"][1] < found.sizes["all"]["csv"][1]


def test_a_download_that_fails_before_its_first_byte_says_why_and_one_given_up_is_stopped() -> None:

    def fails() -> Iterator[bytes]:
        yield b""
        raise LimitError("Too wide.", "Choose fewer.")

    def breaks() -> Iterator[bytes]:
        yield b"first"
        raise IndexError("a fault of ours")

    async def ask() -> None:
        feeds, stopped = Feeds(2), asyncio.Event()
        loop = asyncio.get_running_loop()

        def endless() -> Iterator[bytes]:
            while not stopped.is_set():
                yield b"x" * 100_000

        server = HTTPServer(Application([(f"/{ROOT}(.*)", FeedHandler, {"feeds": feeds})]))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        try:
            ended = []
            url = feeds.add(lambda _: Answer(fails(), done=lambda: ended.append(1)))
            answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{url}", raise_error=False)
            assert answer.code == 400 and b"Too wide" in answer.body
            url = feeds.add(lambda _: Answer(breaks()))
            with pytest.raises(HTTPStreamClosedError):  # a broken download must not look whole
                await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{url}")
            url = feeds.add(lambda _: Answer(endless(), stop=lambda: loop.call_soon_threadsafe(stopped.set)))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /{url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert b"200" in await reader.readline()
            writer.close()
            await asyncio.wait_for(stopped.wait(), 20)
            assert ended == [1]
        finally:
            server.stop()
            feeds.close()

    asyncio.run(ask())
