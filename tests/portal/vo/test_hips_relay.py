"""Surveys of other servers: their list, the relay of their tiles, and servers that send something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from portal.config import Settings
from portal.errors import LimitError, QueryError, ServiceError, TriviewError
from portal.vo import hips, hipstiles
from portal.vo.hips import Surveys, band_of
from portal.vo.hipstiles import Relay
from portal.vo.http import Web
from portal.vo.resolve import Resolver, parse

PNG = b"\x89PNG" + bytes(100)
SESAME = (
    "# M 31\t#Q1\n#=Sc=Simbad (CDS, via client/server):    1\n%@ 1575544\n%I.0 M  31\n%J 10.6847083 +41.26875 = 00:42\n"
)


class Server(BaseHTTPRequestHandler):
    """A survey at /sky; /far is one that the list does not name. ``asked``: (path, token) of every request."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        base = f"http://{self.headers['Host']}"
        status, body = 200, PNG
        if self.path == "/list":
            body = f"obs_title = Sky i band\nhips_service_url = {base}/sky/\nhips_order = 5\n"
            body = f"{body}\nobs_title = Wrong\nhips_service_url = sky/of/nobody\n".encode()
        elif self.path in ("/sky/properties", "/far/properties", "/sky/far/properties"):
            body = b"obs_title = Sky\nhips_order = 5\n"
        elif self.path.endswith("Npix1.png"):
            body = b"<html>Please log in</html>"
        elif self.path.endswith("Npix2.png"):
            status = 404
        elif self.path.endswith("Npix3.png"):
            status = 503
        elif self.path.endswith("Npix4.png"):
            body = PNG * 100
        elif self.path == "/names/-oI/A?M%2031":
            body = SESAME.encode()
        elif self.path.startswith("/names"):
            body = b"# ??\n#!SIMBAD: No known catalog could be found\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    made.asked = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()


@pytest.fixture
def web(server: ThreadingHTTPServer) -> Iterator[Web]:
    server.asked.clear()
    base = f"127.0.0.1:{server.server_port}"
    made = Web(Settings(tap_url=f"http://{base}/tap", tap_token="secret"))
    made.base = f"http://{base}"
    yield made
    made.close()


@pytest.fixture
def surveys(web: Web) -> Surveys:
    return Surveys(web, f"{web.base}/list", "http://127.0.0.1:9")


def key_of(surveys: Surveys) -> str:
    (only,) = surveys.read()
    assert only["name"] == "Sky i band" and only["band"] == "i"
    return only["url"].removeprefix("hips/")


def test_tiles_are_asked_once_with_the_token_and_kept(server, web: Web, surveys: Surveys) -> None:
    relay, key = Relay(web, surveys), key_of(surveys)
    with ThreadPoolExecutor(8) as pool:
        tiles = list(pool.map(lambda _: relay.get(key, "Norder3/Dir0/Npix0.png"), range(16)))
    assert {tile.content for tile in tiles} == {PNG} and tiles[0].type == "image/png"
    assert server.asked.count(("/sky/Norder3/Dir0/Npix0.png", "Bearer secret")) == 1
    assert relay.get(key, "Norder3/Dir0/Npix2.png").content is None
    assert relay.get(key, "Norder3/Dir0/Npix2.png").content is None
    assert sum(path.endswith("Npix2.png") for path, _ in server.asked) == 1, "a tile that is not there is remembered"


def test_the_oldest_tiles_make_room(server, web: Web, surveys: Surveys) -> None:
    key, relay = key_of(surveys), Relay(web, surveys, room=3 * (len(PNG) + 200))
    for n in (10, 11, 12, 10, 13):  # 11 is the one not looked at for longest
        relay.get(key, f"Norder3/Dir0/Npix{n}.png")
    server.asked.clear()
    for n in (10, 12, 13, 11):
        relay.get(key, f"Norder3/Dir0/Npix{n}.png")
    assert [path for path, _ in server.asked] == ["/sky/Norder3/Dir0/Npix11.png"]


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("Norder3/Dir0/Npix1.png", ServiceError, "not the image/png"),
        ("Norder3/Dir0/Npix3.png", ServiceError, "status 503"),
        ("Norder3/Dir0/Npix4.png", LimitError, "larger than"),
        ("../list", ServiceError, "no such"),
        ("Norder3/Dir0/Npix0.png?x=http://a", ServiceError, "no such"),
        ("index.html", ServiceError, "no such"),
    ],
)
def test_what_is_no_tile_is_refused(path, error, words, web: Web, surveys: Surveys, monkeypatch) -> None:
    monkeypatch.setattr(hipstiles, "LARGEST", 5000)
    with pytest.raises(error, match=words):
        Relay(web, surveys).get(key_of(surveys), path)


def test_a_server_that_never_ends_is_left(web: Web, surveys: Surveys, monkeypatch) -> None:
    monkeypatch.setattr(hipstiles, "SECONDS", -1.0)  # over before the first bytes
    with pytest.raises(ServiceError, match="too slow"):
        Relay(web, surveys).get(key_of(surveys), "Norder3/Dir0/Npix0.png")


def test_only_hosts_of_the_list_are_opened(server, web: Web, surveys: Surveys, monkeypatch) -> None:
    (listed,) = surveys.read()
    assert surveys.find(f"{web.base}/sky") == listed
    far = surveys.find(f"{web.base}/far/")
    assert far["url"] != listed["url"] and far in surveys.read()
    assert surveys.source(far["url"].removeprefix("hips/")) == f"{web.base}/far"
    server.asked.clear()
    for address in ("http://169.254.169.254/hips", "https://example.org/hips", "file:///etc/passwd"):
        with pytest.raises(ServiceError):
            surveys.find(address)
    for address in (f"{web.base}/api/sync?QUERY=x", f"{web.base}/far#x"):
        with pytest.raises(TriviewError, match="no address of a HiPS"):
            surveys.find(address)
    assert not server.asked
    with pytest.raises(TriviewError, match="There is no HiPS"):
        surveys.find(f"{web.base}/none/Npix2.png")
    with pytest.raises(TriviewError, match="no survey"):
        surveys.find("band_q")
    monkeypatch.setattr(hips, "MAX_SURVEYS", 1)
    with pytest.raises(LimitError, match="open already"):
        surveys.find(f"{web.base}/sky/far")


def test_bands_come_from_names_and_wavelengths() -> None:
    assert band_of({"hips_service_url": "https://host/api/hips/v2/dp1/deep_coadd/band_y"}) == "y"
    assert band_of({"hips_service_url": "https://host/images/color_gri"}) == "gri"
    assert band_of({"obs_title": "Deep survey, z-band"}) == "z"
    assert band_of({"em_min": "5.5e-7", "em_max": "6.9e-7"}) == "r"
    assert band_of({"em_min": "2e-6", "em_max": "2.3e-6", "obs_regime": "Infrared"}) == "Infrared"
    assert band_of({"obs_title": "Bright objects"}) == ""


def test_names_become_positions(server, web: Web) -> None:
    resolver = Resolver(web, f"{web.base}/names/")
    assert resolver.find(" M  31 ") == (10.6847083, 41.26875, "M  31")
    assert resolver.find("m 31").ra == 10.6847083
    assert len(server.asked) == 1, "the second is remembered"
    assert server.asked[0][0] == "/names/-oI/A?M%2031"
    with pytest.raises(QueryError, match="No object"):
        resolver.find("no such thing")
    with pytest.raises(QueryError):
        resolver.find("x" * 200)
    with pytest.raises(QueryError, match="No object"):
        parse("%J 1.2.3 .. = what is no number", "M 31")


def test_a_resolver_that_cannot_be_reached_says_what_to_do(web: Web) -> None:
    with pytest.raises(ServiceError) as closed:
        Resolver(web, "http://127.0.0.1:1/names").find("M 31")
    assert "cannot be reached" in closed.value.message and "coordinates" in closed.value.hint
    with pytest.raises(ServiceError, match="no name resolver is set"):
        Resolver(web, "").find("M 31")
