"""The whole portal as its users have it: ``server.py`` as a process of its own, to be killed and started again."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 150  # a fresh machine compiles the kernels and makes the sky first
SEED_QUERY = """SELECT objectId, coord_ra, coord_dec, detect_isPrimary,
       scisql_nanojanskyToAbMag(g_cModelFlux) AS gmag, scisql_nanojanskyToAbMag(i_cModelFlux) AS imag,
       scisql_nanojanskyToAbMag(r_cModelFlux) AS rmag,
       scisql_nanojanskyToAbMagSigma(g_cModelFlux, g_cModelFluxErr) AS gmag_err,
       scisql_nanojanskyToAbMagSigma(i_cModelFlux, i_cModelFluxErr) AS imag_err,
       scisql_nanojanskyToAbMagSigma(r_cModelFlux, r_cModelFluxErr) AS rmag_err
FROM dp02_dc2_catalogs.Object
WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1
  AND detect_isPrimary = 1"""
SLOW_QUERY = "SELECT COUNT(*) AS n FROM dp1.ForcedSource AS a, dp1.ForcedSource AS b WHERE a.psfFlux < b.psfFlux"


class PortalProcess:
    """One server. ``kill`` is ``kill -9``; ``start`` after it uses the same data folder and port.

    Servers that are given the same ``skies`` share the samples made there.
    """

    def __init__(self, data: Path, skies: Path | None = None, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data, self._skies = data, skies
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / "server.log"
        self._settings = {
            "TRIVIEW_DATA": str(data),
            "TRIVIEW_PRESET": "small",
            "PORT": str(self.port),
            "TRIVIEW_RESOLVER_URL": "",  # tests ask no other host
            **settings,
        }
        self._process: subprocess.Popen | None = None

    def start(self) -> PortalProcess:
        self.data.mkdir(parents=True, exist_ok=True)
        if self._skies is None:
            return self._start()
        if not (self.data / "sky").exists():
            (self.data / "sky").symlink_to(self._skies)
        with (self._skies / ".lock").open("w") as lock:  # the first that starts makes the sky, the others wait for it
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._start()

    def _start(self) -> PortalProcess:
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "server.py"], cwd=ROOT, env={**os.environ, **self._settings}, stdout=log, stderr=log
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log.read_text()[-3000:]}")
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2, trust_env=False).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
            time.sleep(0.1)
        self.kill()
        raise TimeoutError(self.log.read_text()[-3000:])

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture(scope="session")
def skies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where samples are made once, for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "skies"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, skies: Path, built: None) -> Iterator[PortalProcess]:
    """The portal on the small sample, shared by the stories that do not stop it."""
    server = PortalProcess(tmp_path_factory.mktemp("portal"), skies).start()
    yield server
    server.stop()


@pytest.fixture
def own_portal(tmp_path: Path, skies: Path, built: None) -> Iterator[Callable[..., PortalProcess]]:
    """``own_portal(TRIVIEW_X="...")`` starts a portal of this test's own; ask for it before ``visit``."""
    servers = []

    def start(**settings: str) -> PortalProcess:
        server = PortalProcess(tmp_path / f"data{len(servers)}", skies, **{"TRIVIEW_PRESET": "tiny", **settings})
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def visit(browser: Browser, troubles) -> Iterator[Callable[..., Page]]:
    """``visit(portal, path="/", size=(1440, 900), watch=True) -> Page``, each in a browser profile of its own."""
    contexts = []

    def start(server: PortalProcess, path: str = "/", size: tuple[int, int] = (1440, 900), watch: bool = True) -> Page:
        # A caret that blinks has the page drawn all the time.
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        if watch:
            troubles.watch(page)
        page.goto(server.url + path)
        page.get_by_role("button", name="Run", exact=True).wait_for()
        page.wait_for_function("window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle")
        return page

    yield start
    for context in contexts:
        context.close()
    assert not troubles.unexpected(), "\n".join(troubles.unexpected())


def write_query(page: Page, adql: str) -> None:
    """Put a query into the editor as a user does: all marked, then typed over in one piece."""
    editor = page.locator(".tv-editor .cm-content")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(adql)
    page.keyboard.press("Escape")  # the list of completions


def run_query(page: Page, adql: str = "") -> None:
    """Run what is in the editor, or ``adql``, by the keyboard."""
    if adql:
        write_query(page, adql)
    else:
        page.locator(".tv-editor .cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(50)


def state_text(page: Page) -> str:
    """What the run line says."""
    return page.locator(".tv-run").get_by_role("status").inner_text()


def wait_rows(page: Page, words: str = " row") -> str:
    """Until the run line tells the rows of a finished query."""
    page.wait_for_function(
        """words => { const find = (root) => { for (const node of root.querySelectorAll('*')) {
             if (node.getAttribute('role') === 'status' && node.textContent.includes(words)
                 && / in [0-9.]+ s/.test(node.textContent)) return true;
             if (node.shadowRoot && find(node.shadowRoot)) return true; } return false; };
           return find(document); }""",
        arg=words,
    )
    return state_text(page)
