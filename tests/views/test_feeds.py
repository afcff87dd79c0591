"""Addresses of a page: what is posted to one arrives with its arguments, and is bounded."""

from __future__ import annotations

import asyncio

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from views.feeds import MOST_POSTED, ROOT, FeedHandler, Feeds, json_answer


def test_a_posted_text_arrives_whole_or_not_at_all() -> None:
    async def ask() -> None:
        feeds = Feeds(1)
        server = HTTPServer(Application([(f"/{ROOT}(.*)", FeedHandler, {"feeds": feeds})]))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        try:
            url = f"http://127.0.0.1:{port}/{feeds.add(json_answer)}?ask=regions"
            answer = await AsyncHTTPClient().fetch(url, method="POST", body="circle(1,2,3) # text={µ}")
            assert answer.body.decode() == '{"ask":"regions","body":"circle(1,2,3) # text={µ}"}'
            answer = await AsyncHTTPClient().fetch(url, method="POST", body="x" * (MOST_POSTED + 1), raise_error=False)
            assert answer.code == 413 and b"4 MB" in answer.body
        finally:
            server.stop()
            feeds.close()

    asyncio.run(ask())
