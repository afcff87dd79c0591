"""From a row to a FITS file on disk: ObsCore rows, links, cutouts, quotas, the cache, and services that misbehave."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from astropy.io import fits

from portal.config import Settings
from portal.errors import CancelledError, LimitError, ServiceError
from portal.vo import obscore
from portal.vo.http import BusyError, Web
from portal.vo.images import ImageFiles
from portal.vo.obscore import ImageRef, image_columns, ref_of, region_adql
from portal.vo.quota import Quota

LINKS = """<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results"><TABLE>
<FIELD ID="primaryID" name="ID" datatype="char" arraysize="*"/>
<FIELD name="access_url" datatype="char" arraysize="*"/>
<FIELD name="semantics" datatype="char" arraysize="*"/><FIELD name="error_message" datatype="char" arraysize="*"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>
<RESOURCE type="meta" utype="adhoc:service" ID="cutout-sync-maskedimage">
<PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/SODA#sync-1.0"/>
<PARAM name="accessURL" datatype="char" arraysize="*" value="{base}/cutout"/><GROUP name="inputParams">
<PARAM name="ID" value="" datatype="char" arraysize="*" ref="primaryID"/>
<PARAM name="CUTOUTDETAIL" value="MaskedImage" datatype="char" arraysize="*"/></GROUP></RESOURCE></VOTABLE>"""
ROW = "<TR><TD>ivo://x?1</TD><TD>{url}</TD><TD>{what}</TD><TD>{error}</TD></TR>"


def image() -> bytes:
    out = io.BytesIO()
    fits.PrimaryHDU(np.arange(12, dtype="f4").reshape(3, 4)).writeto(out)
    return out.getvalue()


class Archive(BaseHTTPRequestHandler):
    """``asked``: (path, arguments, token) of every request; ``busy``: how many are refused before one is answered."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        told, parts = self.server.told, urlsplit(self.path)
        told.asked.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization")))
        base = f"http://{self.headers['Host']}"
        body, status, more = image(), 200, {}
        if parts.path == "/nowhere":
            status, more = 302, {"Location": parts.query} if parts.query else {}
        elif told.busy:
            told.busy -= 1
            status, more = 429, {"Retry-After": "1"}
        elif parts.path == "/links":
            rows = ROW.format(url=f"{base}/whole", what="#this", error="")
            body = LINKS.format(rows=rows, base=base).encode()
        elif parts.path == "/fault":
            rows = ROW.format(url="", what="#this", error="NotFoundFault: gone")
            body = LINKS.format(rows=rows, base=base).encode()
        elif parts.path == "/page":
            body = b"<html>Please log in</html>"
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (10 if parts.path == "/cut-short" else 0)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def told() -> SimpleNamespace:
    return SimpleNamespace(asked=[], busy=0)


@pytest.fixture
def base(told: SimpleNamespace) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    server.told = told
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(base: str, tmp_path: Path) -> Iterator:
    made = []

    def files(most: int = 0, room: int = 1 << 30, bytes: int = 1 << 20) -> ImageFiles:
        web = Web(Settings(tap_url=f"{base}/tap", tap_token="gt-secret"))
        made.append(ImageFiles(web, Quota(most), tmp_path / "images", bytes, room))
        return made[-1]

    yield files
    for one in made:
        one.close()
        one.web.close()


def get(files: ImageFiles, ref: ImageRef, stop: threading.Event | None = None, words: list | None = None) -> bytes:
    with files.file(ref, stop or threading.Event(), (words if words is not None else []).append) as path:
        return path.read_bytes()


def test_whole_images_and_cutouts_come_once(base: str, told, make) -> None:
    files, words = make(), []
    whole = ImageRef("a", "Visit", "r", "links", f"{base}/links?ID=1", "ivo://x?1")
    assert get(files, whole, words=words) == image() and words[-1].endswith("MiB")
    assert [path for path, *_ in told.asked] == ["/links", "/whole"]
    assert all(token == "Bearer gt-secret" for *_, token in told.asked)
    part = whole.cut(62.0, -37.0, 0.01)
    assert get(files, part) == image()
    path, query, _ = told.asked[-1]
    assert path == "/cutout" and query == {
        "ID": ["ivo://x?1"],
        "CUTOUTDETAIL": ["MaskedImage"],
        "CIRCLE": ["62.0 -37.0 0.01"],
    }
    before = len(told.asked)
    for ref in (whole, part, whole._replace(title="Another name")):
        assert get(files, ref) == image() and files.has(ref)
    assert len(told.asked) == before, "the links and the files were there"
    assert files.is_ours(whole) and not files.is_ours(whole._replace(url="http://example.org/links"))
    lone = ImageRef("c", "x", source="file", url=f"{base}/lone")
    assert lone.cut(62.0, -37.0, 0.01) is lone, "no cutouts are offered of a file: it would be fetched once more"
    files.drop(part)
    assert not files.has(part) and files.has(whole)
    # What a user typed is fetched without the portal's token.
    assert get(files, ImageRef("u", "x", source="url", url=f"{base}/file")) and told.asked[-1][2] is None


def test_what_a_service_does_wrong_is_told(base: str, told, make, tmp_path: Path) -> None:
    files = make()
    with pytest.raises(ServiceError, match="gone"):
        get(files, ImageRef("f", "x", url=f"{base}/fault"))
    with pytest.raises(ServiceError, match="no FITS file but: '<html>Please log in"):
        get(files, ImageRef("p", "x", source="file", url=f"{base}/page"))
    for address in ("/nowhere", "/nowhere?ftp://x/y", f"/nowhere?http://x.org/{'4' * 66_000}", "/\x01"):
        with pytest.raises(ServiceError):
            get(files, ImageRef("n", "x", source="url", url=base + address))
    with pytest.raises(ServiceError, match="cannot be found"):
        get(files, ImageRef("n", "x", source="url", url=f"http://{'a' * 70}.org/"))
    with pytest.raises(ServiceError, match="broke"):
        get(files, ImageRef("s", "x", source="file", url=f"{base}/cut-short"))
    with pytest.raises(LimitError):
        get(make(bytes=100), ImageRef("l", "x", source="file", url=f"{base}/large"))
    with pytest.raises(ServiceError, match="no longer here"):
        get(files, ImageRef("g", "x", source="upload", url="../../etc/passwd"))
    assert not list((tmp_path / "images").rglob("*.*")), "nothing half is kept"


def test_a_busy_service_is_asked_again(base: str, told, make) -> None:
    told.busy = 1
    words: list[str] = []
    assert get(make(), ImageRef("b", "x", source="file", url=f"{base}/busy"), words=words) == image()
    assert any("quota" in text for text in words)
    told.busy = 1
    assert get(make(), ImageRef("k", "x", url=f"{base}/links?ID=9")) == image(), "so are its links"
    told.busy = 1
    files = make()
    with pytest.raises(BusyError):
        get(files, ImageRef("d", "x", source="url", url=f"{base}/busy-elsewhere"))
    assert files.quota.spared() == 0, "an address of a user does not hold up the archive"
    told.busy = 1
    files, stop = make(), threading.Event()
    stop_soon = threading.Timer(0.3, stop.set)
    stop_soon.start()
    with pytest.raises(CancelledError):
        get(files, ImageRef("c", "x", source="file", url=f"{base}/other"), stop)
    assert BusyError("u", 3).status == 429


def test_the_oldest_files_go_and_given_ones_stay(base: str, make, tmp_path: Path) -> None:
    files = make(room=int(2.5 * len(image())))
    refs = [ImageRef(str(n), "x", source="file", url=f"{base}/f{n}") for n in range(4)]
    given = tmp_path / "given.part"
    given.write_bytes(image())
    mine = files.give(given, "my image.fits")
    with files.file(refs[0], threading.Event(), print) as held:
        for ref in refs[1:]:
            get(files, ref)
        assert held.is_file(), "a file in use stays"
    assert [files.has(ref) for ref in refs].count(True) == 2
    assert get(files, mine) == image() and mine.title == "my image.fits" and not given.exists()
    files.sweep_given(days=1)
    assert files.has(mine)
    files.sweep_given(days=-1)
    assert not files.has(mine)


def test_a_quota_is_kept_and_the_user_comes_first() -> None:
    now = [0.0]
    quota = Quota(5, spare=2, clock=lambda: now[0])
    stop = threading.Event()
    assert [quota.spared() for _ in range(3)] == [0, 0, 0]
    assert quota.spared() == 60
    now[0] = 10.0
    quota.take(stop, print)
    quota.take(stop, print)
    words: list[str] = []

    def tell(text: str) -> None:
        words.append(text)
        now[0] = 60.5  # the first three are a minute ago

    quota.take(stop, tell)
    assert words == ["Waiting 51 s for the quota of the service …"]
    quota.hold(30)
    assert quota.spared() == 30
    stop.set()
    with pytest.raises(CancelledError):
        quota.take(stop, tell)


def test_rows_become_images_and_queries() -> None:
    row = {"access_url": "http://h/links?ID=1", "lsst_visit": 2026022600366, "lsst_detector": 4, "lsst_band": "r"}
    ref = ref_of({**row, "dataproduct_subtype": "lsst.visit_image", "obs_publisher_did": "ivo://x?1"})
    assert (ref.key, ref.title, ref.band, ref.source) == ("ivo://x?1", "visit_image 2026022600366-4", "r", "links")
    assert ref_of({**row, "access_format": "image/fits"}).source == "file"
    assert ref_of({**row, "dataproduct_type": "spectrum"}) is None and ref_of({"access_url": None}) is None
    assert ref_of({"access_url": "u", "obs_title": "M31"}).title == "M31"
    assert image_columns(["ACCESS_URL", "s_ra", "x"]) == {"access_url": "ACCESS_URL", "s_ra": "s_ra"}
    assert image_columns(["s_ra"]) == {}
    polygon = "POLYGON ICRS 37.5 6.9 37.6 7.1 37.8 7.0"
    assert region_adql(polygon) == "POLYGON('ICRS', 37.5, 6.9, 37.6, 7.1, 37.8, 7.0)"
    assert region_adql("Circle 1 2 0.5") == "CIRCLE('ICRS', 1.0, 2.0, 0.5)"
    for bad in (None, "", "POLYGON 1 2 3", "CIRCLE ICRS 1 2 e", "UNION 1 2 3", "POLYGON ICRS 1 2 3 4 5 6'; DROP"):
        assert region_adql(bad) == ""
    coadd = {"dataproduct_subtype": "lsst.deep_coadd", "lsst_tract": 1, "lsst_patch": 2, "lsst_band": "i'"}
    assert obscore.visits_over(coadd) == ""
    assert "lsst_band = 'i'''" in obscore.visits_over({**coadd, "s_region": polygon})
    assert "lsst_patch = 2" in obscore.bands_of(coadd) and obscore.bands_of(row) == ""
    assert "lsst_detector = 4" in obscore.of_visit(1, 4)
