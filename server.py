"""Triview: the portal's server. A table of contents: settings, archive, routes, one page per tab, start and stop."""

from __future__ import annotations

import argparse
import atexit
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from portal import __version__
from portal.config import Settings, describe_settings, load_settings
from portal.errors import TriviewError

log = logging.getLogger("triview")
HERE = Path(__file__).resolve().parent
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def secret_key(folder: Path) -> str:
    """The key that signs sessions: 48 random bytes, made on first start, readable by the owner only."""
    path = folder / "secret"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
    key = path.read_text().strip()
    if len(key) < 32:
        raise TriviewError(
            f"The secret in {path} is shorter than 32 characters.", "Delete the file; a new one is made."
        )
    return key


def parse_arguments(words: list[str] | None = None) -> Settings:
    """Settings from the command line, the configuration file and the environment."""
    rows = "\n".join(f"  {name:<26} {text} [{default}]" for name, default, text in describe_settings())
    parser = argparse.ArgumentParser(
        description="Triview, a web portal for Rubin/LSST data.",
        epilog=f"settings (environment, or lower case without TRIVIEW_ in the file):\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="TOML file with settings")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port of the page")
    parser.add_argument("--preset", help="size of the sample sky")
    parser.add_argument("--data", type=Path, help="folder for the sample sky and results")
    found = parser.parse_args(words)
    return load_settings(file=found.config, host=found.host, port=found.port, preset=found.preset, data=found.data)


def bar(title: str, fraction: float) -> None:
    """A progress bar on the terminal; plain lines when there is none."""
    if sys.stderr.isatty():
        done = int(30 * fraction)
        end = "\n" if fraction >= 1 else ""
        print(
            f"\r  [{'█' * done}{'·' * (30 - done)}] {fraction:4.0%}  {title:<40.40}",
            end=end,
            file=sys.stderr,
            flush=True,
        )
    else:
        print(f"  {fraction:4.0%}  {title}", file=sys.stderr, flush=True)


class Portal:
    """All that one server process holds."""

    def __init__(self, settings: Settings) -> None:
        from portal.background import run_aside
        from portal.jobs.history import History
        from portal.jobs.runner import Runner
        from portal.vo.hips import Surveys
        from portal.vo.hipstiles import Relay
        from portal.vo.images import ImageFiles
        from portal.vo.mocs import MocList
        from portal.vo.quota import Quota
        from portal.vo.resolve import Resolver
        from portal.vo.schema import SchemaBook
        from portal.vo.soda import Cutouts
        from portal.vo.tap import TapService
        from views.feeds import Feeds
        from views.intake import Intakes
        from views.page import Desk

        self.settings = settings
        self.started = time.time()
        self.ready = False
        self.pages = 0
        self.archive: Any = None
        if settings.embedded:
            sky = self._sky()
            self.archive = run_aside(lambda: self._open_archive(sky))
        self.history = History(settings.data)
        self.history.sweep(settings.keep_days)
        self.runner = Runner(settings, self.history)
        self.feeds = Feeds(settings.workers)
        self.intakes = Intakes(settings.data / "staging", settings.upload_bytes)
        quota = Quota(0 if settings.embedded else settings.image_requests)
        folder = settings.data / "images"
        images = ImageFiles(self.runner.web, quota, folder, settings.upload_bytes, settings.image_bytes)
        images.sweep_given(settings.keep_days)
        cutouts = Cutouts(images, TapService(self.runner.web, settings.service_url))
        surveys = Surveys(self.runner.web, settings.hips_list, settings.archive_url)
        mocs = MocList(self.runner.web, settings.moc_list, surveys)
        self.relay = Relay(self.runner.web, surveys)
        # A pool of their own: a slow server of tiles must hold back nothing else.
        self.tiles = ThreadPoolExecutor(settings.workers, "tiles")
        resolver = Resolver(self.runner.web, settings.resolver_url)
        self.desk = Desk(
            self.feeds, self.intakes, SchemaBook(), cutouts, surveys, mocs, resolver, self.relay, self.tiles,
            read_examples(),
        )  # fmt: skip

    def _sky(self) -> Path:
        """The folder of the sample sky, made when it is not there. In the main thread, which Ctrl-C reaches."""
        from portal.archive.sample.build import build_sample

        settings, told = self.settings, -1

        def tell(title: str, fraction: float) -> None:
            nonlocal told
            if sys.stderr.isatty() or int(100 * fraction) > told:  # a log needs no line for each step
                told = int(100 * fraction)
                bar(title, fraction)

        print(f"Sample sky '{settings.preset}' in {settings.data / 'sky'}", file=sys.stderr)
        return build_sample(settings.preset, settings.seed, settings.data / "sky", tell)

    def _open_archive(self, sky: Path) -> Any:
        from portal.archive.app import Archive
        from portal.archive.limits import Limits

        return Archive.open(sky, self.settings.data / "archive", Limits.from_settings(self.settings))

    def warm(self) -> None:
        """Read the service's schema and compile what the first query needs, so that no user waits for it."""
        from portal.chart import raster
        from portal.image.warm import warm as warm_images
        from portal.table.warm import warm as warm_tables

        warm_tables()
        raster.warm()
        warm_images()
        if self.archive is not None:
            self.archive.images.pixels().warm()
        try:
            self.desk.book.read(self.desk.cutouts.service)
            self.desk.surveys.read()
        except TriviewError as error:
            log.warning("the service is not ready: %s", error)

    def page(self) -> Any:
        """The app of one tab: a session, its views, and their end."""
        import panel as pn
        from panel.io.resources import LOCAL_DIST

        from portal.permalink import read_link
        from portal.session import Session
        from views.page import Page

        document = pn.state.curdoc
        # Panel says so only when it makes the HTML of a page; one that comes back by its websocket after a restart of
        # the server would be told to fetch its styles from a CDN.
        prefix = pn.state.rel_path
        document.template_variables["dist_url"] = f"{prefix}/{LOCAL_DIST}" if prefix else LOCAL_DIST
        arguments = {
            name: values[-1].decode("utf-8", "replace") for name, values in pn.state.session_args.items() if values
        }

        def post(call: Any) -> None:
            document.add_next_tick_callback(call)

        session = Session(self.runner, arguments.get("s", ""), post)
        if session.fresh:
            session.query = self.desk.examples[0]["adql"]
        page = Page(session, self.desk)
        self.pages += 1
        link = read_link(arguments, self.settings.service_url)

        def opened() -> None:
            if pn.state.location is not None:
                pn.state.location.search = f"?s={session.workspace}"
            page.start()
            page.follow_link(link)

        def closed(_: Any) -> None:
            self.pages -= 1
            page.end()

        pn.state.onload(opened)
        pn.state.on_session_destroyed(closed)
        return page.layout

    def routes(self) -> list[tuple]:
        """What is served beside the page."""
        from tornado.web import RequestHandler

        from views.feeds import FeedHandler
        from views.intake import IntakeHandler
        from views.relay import RelayHandler

        portal = self

        class Health(RequestHandler):
            def get(self) -> None:
                self.set_status(200 if portal.ready else 503)
                self.finish({"status": "ok" if portal.ready else "starting", "version": __version__})

        class Metrics(RequestHandler):
            def get(self) -> None:
                self.set_header("Content-Type", "text/plain; version=0.0.4")
                self.finish(portal.metrics())

        routes: list[tuple] = [
            (r"/healthz", Health),
            (r"/metrics", Metrics),
            (r"/feed/([A-Za-z0-9_-]{16,64})(?:/([\w./-]{1,200}))?", FeedHandler, {"feeds": self.feeds}),
            (r"/hips/([0-9a-f]{12})/(.{1,100})", RelayHandler, {"relay": self.relay, "pool": self.tiles}),
            (r"/intake/([A-Za-z0-9_-]{16,64})", IntakeHandler, {"intakes": self.intakes, "pool": self.feeds.streams}),
        ]
        if self.archive is not None:
            from portal.archive.app import archive_routes

            routes += archive_routes(self.archive)
        return routes

    def metrics(self) -> str:
        """Prometheus text."""
        jobs = list(self.runner.jobs.values())
        values = {
            "triview_up_seconds": time.time() - self.started,
            "triview_pages": self.pages,
            "triview_feeds": len(self.feeds),
            "triview_jobs": len(jobs),
            "triview_jobs_running": sum(not job.over for job in jobs),
        }
        return "".join(f"# TYPE {name} gauge\n{name} {value:g}\n" for name, value in values.items())

    def close(self) -> None:
        self.runner.close()
        self.feeds.close()
        self.tiles.shutdown(wait=False, cancel_futures=True)
        self.desk.cutouts.files.close()
        if self.archive is not None:
            self.archive.close()
        self.history.close()


def read_examples() -> list[dict[str, str]]:
    """The example queries of the page; the first one is in the editor of a new page."""
    return json.loads((HERE / "static" / "examples.json").read_text())


def serve(settings: Settings) -> None:
    """Start, serve until a signal comes, stop."""
    key = secret_key(settings.data)
    # Set before Bokeh reads its settings; sessions are always signed, whatever the environment says.
    os.environ.update(BOKEH_SECRET_KEY=key, BOKEH_SIGN_SESSIONS="yes", BOKEH_RESOURCES="server")
    import panel as pn

    portal = Portal(settings)
    atexit.register(portal.close)
    pn.extension(notifications=False)
    pn.config.raw_css = [(HERE / "static" / "theme.css").read_text()]
    pn.config.reconnect = True
    origins = [f"127.0.0.1:{settings.port}", f"localhost:{settings.port}"]
    origins += [item.strip() for item in settings.origins.split(",") if item.strip()]
    server = pn.serve(
        {"/": portal.page},
        title="Triview",
        address=settings.host,
        port=settings.port,
        websocket_origin=origins,
        sign_sessions=True,
        secret_key=key.encode(),
        # On this machine's own loopback compressing costs more than it saves; a proxy in front does it better.
        compress_response=settings.host not in LOOPBACK,
        unused_session_lifetime_milliseconds=int(settings.session_minutes * 60_000),
        check_unused_sessions_milliseconds=5_000,
        extra_patterns=portal.routes(),
        show=False,
        start=False,
    )

    def stop(*_: Any) -> None:
        server.io_loop.add_callback_from_signal(server.io_loop.stop)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    def up() -> None:
        portal.warm()
        portal.ready = True
        print(f"Triview is at http://{settings.host}:{settings.port}/", file=sys.stderr, flush=True)
        # Jobs of the last run go on now that the embedded archive answers.
        portal.runner.resume()

    server.start()
    # In a thread: it asks the embedded archive, which is served by this loop.
    server.io_loop.add_callback(threading.Thread(target=up, daemon=True).start)
    server.io_loop.start()
    server.stop()


def main() -> int:
    try:
        settings = parse_arguments()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        for name in ("httpx", "tornado.access"):
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
        serve(settings)
    except TriviewError as error:
        print(f"triview: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as shells do
    return 0


if __name__ == "__main__":
    sys.exit(main())
