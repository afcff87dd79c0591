"""Starts the archive alone: ``python -m portal.archive --port 8080 --preset small``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.web import Application

from ..config import PRESETS, load_settings
from ..errors import TriviewError
from .app import Archive, archive_routes
from .limits import Limits
from .sample.build import build_sample


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.archive", description="Serve the simulated sky alone.")
    parser.add_argument("--host", help="address to listen on (TRIVIEW_HOST)")
    parser.add_argument("--port", type=int, help="port; 0 takes a free one (TRIVIEW_PORT)")
    parser.add_argument("--preset", choices=PRESETS, help="size of the sample sky (TRIVIEW_PRESET)")
    parser.add_argument("--seed", type=int, help="seed of the sample sky (TRIVIEW_SEED)")
    parser.add_argument("--data", type=Path, help="folder for the sample and the jobs (TRIVIEW_DATA)")
    parser.add_argument("--base-url", default="", help="address in links, when a proxy stands before the service")
    parser.add_argument("--config", type=Path, help="a TOML file with settings")
    return parser.parse_args()


def show(step: str, fraction: float) -> None:
    """Progress of making the sample, on one line of the terminal."""
    print(f"\r{step:<40.40} {100 * fraction:3.0f} %", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)


async def serve(archive: Archive, host: str, port: int) -> None:
    """Answer requests until SIGINT or SIGTERM."""
    server = HTTPServer(Application(archive_routes(archive)))
    server.listen(port, host)
    sockets = server._sockets.values()
    print(f"archive at http://{host}:{next(iter(sockets)).getsockname()[1]}/api/tap", flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    server.stop()


def main() -> None:
    options = arguments()
    given = {name: getattr(options, name) for name in ("host", "port", "preset", "seed", "data")}
    try:
        settings = load_settings(file=options.config, **given)
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        folder = build_sample(settings.preset, settings.seed, settings.data / "sky", show)
        archive = Archive.open(folder, settings.data / "archive", Limits.from_settings(settings), options.base_url)
    except TriviewError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        asyncio.run(serve(archive, settings.host, settings.port))
    finally:
        archive.close()


if __name__ == "__main__":
    main()
