"""The address at which browsers get the tiles of surveys of other servers; see ``portal.vo.hipstiles``."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from tornado.web import RequestHandler

from portal.errors import TriviewError
from portal.vo.hipstiles import KEPT_SECONDS, MISSING_SECONDS, Relay

AGE = "private, max-age={:.0f}"  # private, for it was asked with the portal's token


class RelayHandler(RequestHandler):
    """GET of one file of one survey."""

    def initialize(self, relay: Relay, pool: Executor) -> None:
        self.relay, self.pool = relay, pool

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")

    async def get(self, key: str, path: str) -> None:
        try:
            tile = await asyncio.get_running_loop().run_in_executor(self.pool, self.relay.get, key, path)
        except TriviewError as error:
            self.set_status(404 if getattr(error, "status", 0) == 404 else 502)
            self.set_header("Cache-Control", "no-store")
            self.finish({"message": error.message, "hint": error.hint})
            return
        self.set_header("Cache-Control", AGE.format(MISSING_SECONDS if tile.content is None else KEPT_SECONDS))
        if tile.content is None:
            self.set_status(404)
            self.finish({"message": "The survey has nothing there.", "hint": ""})
            return
        self.set_header("Content-Type", tile.type)
        self.finish(tile.content)
