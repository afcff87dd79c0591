"""The kit of the browser tests: serves a component, opens it in Chromium and fails on anything that went wrong.

A test fails when its page logs an error, throws, gets a status of 400 or more, or asks any host but 127.0.0.1.
"""

from __future__ import annotations

import fcntl
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import panel as pn
import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, sync_playwright
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router
from tornado.web import Application

# One portal for all stories: a fixture imported into each of them would start one for each.
from ui_tests.portal_kit import own_portal, portal, skies, visit  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent
SHOTS = Path(__file__).parent / "shots"

# WebGL2 without a graphics card, no call home, and no name but this machine's resolves.
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-gpu-rasterization",  # Debian turns it on; drawn in software it costs more than it saves
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

# What theme.css gives on the real page, so that shots of one widget look like it.
COLOURS = {
    "light": "--tv-bg:#f6f8fa;--tv-panel:#fff;--tv-fg:#1b1f24;--tv-muted:#656d76;--tv-line:#d8dee4;"
    "--tv-accent:#0b6bcb;--tv-accent-fg:#fff;--tv-hover:#eef3f8;--tv-current:#d6e9ff;"
    "--tv-selected:#fff3c9;--tv-error:#c62828;--tv-warn:#9a6700;--tv-ok:#1a7f37",
    "dark": "--tv-bg:#0e1116;--tv-panel:#161b22;--tv-fg:#e6edf3;--tv-muted:#8b949e;--tv-line:#30363d;"
    "--tv-accent:#58a6ff;--tv-accent-fg:#0d1117;--tv-hover:#1f2630;--tv-current:#17375e;"
    "--tv-selected:#3b3211;--tv-error:#ff7b72;--tv-warn:#e3b341;--tv-ok:#56d364",
}


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """Builds the bundles once when a source is newer than what was built from it."""
    static, dist = ROOT / "static", ROOT / "static" / "dist"
    (static / "dist").mkdir(exist_ok=True)
    with open(static / "dist" / ".lock", "w") as lock:  # several pytest workers start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(static, dist)


def _build(static: Path, dist: Path) -> None:
    if not (static / "node_modules").is_dir():
        subprocess.run(["npm", "ci"], cwd=static, check=True, capture_output=True)
    sources = [p for p in static.rglob("*") if p.is_file() and not {"dist", "node_modules"} & set(p.parts)]
    newest = max(p.stat().st_mtime for p in sources)
    wanted = [dist / p.name for p in static.glob("*.js")] + [dist / "aladin.js"]
    if any(not p.is_file() for p in wanted) or min(p.stat().st_mtime for p in wanted[:-1]) < newest:
        subprocess.run(["node", "build.mjs"], cwd=static, check=True, capture_output=True)


def launched(kind: BrowserType, flags: list[str]) -> Browser:
    own = Path("/usr/bin/chromium")
    return kind.launch(executable_path=str(own) if own.exists() else None, args=flags, headless=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the whole run: Debian's when present, else Playwright's own."""
    with sync_playwright() as playwright:
        found = launched(playwright.chromium, FLAGS)
        yield found
        found.close()


class Troubles(list[str]):
    """What went wrong on the pages of one test; ``allow`` takes patterns of expected lines."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: list[re.Pattern[str]] = []

    def allow(self, *patterns: str) -> None:
        self.allowed += [re.compile(pattern) for pattern in patterns]

    def note(self, line: str) -> None:
        self.append(line)

    def watch(self, page: Page) -> None:
        page.on("console", lambda m: m.type == "error" and self.note(f"console: {m.text} {m.location}"))
        page.on("pageerror", lambda error: self.note(f"page error: {error}\n{error.stack}"))
        page.on("response", lambda r: r.status >= 400 and self.note(f"status {r.status}: {r.url}"))
        page.on("request", lambda r: self._check_host(r.url))

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.hostname != "127.0.0.1":
            self.note(f"request leaves this machine: {url}")

    def unexpected(self) -> list[str]:
        return [line for line in self if not any(pattern.search(line) for pattern in self.allowed)]


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()


class CurrentRoutes(Router):
    """The HTTP routes of the test that runs now; None for what they do not name, so that Bokeh's own follow."""

    def __init__(self) -> None:
        self.rules: list[tuple] = []
        self.application = Application()

    def use(self, rules: Iterable[tuple]) -> None:
        self.rules = list(rules)
        self.application = Application(self.rules)

    def find_handler(self, request: HTTPServerRequest, **kwargs: object) -> HTTPMessageDelegate | None:
        if any(re.fullmatch(rule[0], request.path) for rule in self.rules):
            return self.application.find_handler(request, **kwargs)
        return None


class Site(NamedTuple):
    """One Panel server for the whole run: the browser keeps its JavaScript from test to test."""

    address: str
    routes: CurrentRoutes
    factory: list[Callable[[], object]]  # one member: what the page at / is made of


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    routes, factory = CurrentRoutes(), [lambda: pn.pane.Str("no test runs")]
    server_id = uuid.uuid4().hex
    server = pn.serve(
        {"/": lambda: factory[0]()},
        server_id=server_id,
        port=0,
        address="127.0.0.1",
        websocket_origin="127.0.0.1",
        threaded=True,
        show=False,
        verbose=False,
        extra_patterns=[(r"/.*", routes)],
    )
    yield Site(f"http://127.0.0.1:{_port_of(server_id)}", routes, factory)
    server.stop()


def _port_of(server_id: str) -> int:
    """The port of a server that starts in its own thread."""
    for _ in range(1000):
        if server_id in pn.state._servers:
            return pn.state._servers[server_id][0].port
        time.sleep(0.01)
    raise TimeoutError("the test server did not start")


@pytest.fixture(scope="session")
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """One browser profile for the whole run, with an HTTP cache."""
    made = browser.new_context()
    made.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.address)
    made.add_init_script("localStorage.clear(); sessionStorage.clear()")
    yield made
    made.close()


@pytest.fixture
def serve(context: BrowserContext, site: Site, troubles: Troubles) -> Iterator[Callable[..., Page]]:
    """``serve(component or factory, routes=[], theme="light", size=(1280, 800)) -> Page``.

    ``routes`` are tornado patterns served beside the page. A factory is called once for each page load.
    ``settle=False`` returns as soon as the page is drawn, before Python has heard of it.
    """
    pages = []

    def start(
        component: object,
        routes: Iterable[tuple] = (),
        theme: str = "light",
        size: tuple[int, int] = (1280, 800),
        path: str = "/",
        settle: bool = True,
    ) -> Page:
        before = set(map(id, pn.state._connected))
        made = callable(component) and not isinstance(component, pn.viewable.Viewable | pn.viewable.Viewer)
        site.factory[0] = component if made else lambda: component
        site.routes.use(routes)
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.set_default_timeout(15_000)
        troubles.watch(page)
        page.goto(f"{site.address}{path}")
        page.add_style_tag(
            content=f":root{{{COLOURS['light']}}} :root[data-theme=dark]{{{COLOURS['dark']};color-scheme:dark}}"
            "body{background:var(--tv-bg);color:var(--tv-fg)}"
        )
        page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
        page.wait_for_function("window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle")
        while settle and not set(map(id, pn.state._connected)) - before:
            page.wait_for_timeout(5)  # until Python knows, too, that the page is there
        return page

    yield start
    for page in pages:
        page.close()
    assert not troubles.unexpected(), "\n".join(troubles.unexpected())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", action="store_true", help="keep pictures of the pages in ui_tests/shots")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that only ask for a ``theme`` run in the light one; with ``--shots`` in both, for the pictures."""
    if "theme" in metafunc.fixturenames and metafunc.definition.get_closest_marker("parametrize") is None:
        metafunc.parametrize("theme", ["light", "dark"] if metafunc.config.getoption("--shots", False) else ["light"])


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """``shot(page, "name")`` keeps a picture of the page in ui_tests/shots, when the run has ``--shots``.

    Without it the page is only drawn: eighty pictures of pages drawn in software take their time.
    """

    def keep(page: Page, name: str) -> None:
        if not request.config.getoption("--shots", False):
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            return
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{request.node.path.stem.removeprefix('test_')}-{name}.png")

    return keep


@pytest.fixture
def until() -> Callable[..., None]:
    """``until(page, lambda: condition)`` waits for something on the Python side while the page goes on."""

    def wait(page: Page, holds: Callable[[], object], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("what the test waits for did not come")
            page.wait_for_timeout(20)

    return wait
