"""Which images a row leads to, and how the view fetches, shows, stops and retries them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import param
import pyarrow as pa
import pytest
from astropy.io import fits

from portal.errors import CancelledError, ServiceError, TriviewError
from portal.session import Session
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import rows_clause
from portal.vo.datalink import Links
from portal.vo.obscore import ImageRef, ref_of
from tests.views.desk_kit import Desk
from views.feeds import Feeds
from views.goto import Goto
from views.image import Image
from views.image_row import Asked, marked_images, row_images
from views.place import Place
from widgets.fits import Fits
from widgets.sky import Sky, SkyMoved

POLYGON = "POLYGON ICRS 61.9 -37.1 62.1 -37.1 62.1 -36.9"
OBS = {
    "access_url": "char", "dataproduct_subtype": "char", "obs_publisher_did": "char", "lsst_band": "char",
    "lsst_visit": "long", "lsst_detector": "long", "lsst_tract": "long", "lsst_patch": "long",
    "s_ra": "double", "s_dec": "double", "s_region": "char",
}  # fmt: skip


def table_of(tmp_path: Path, kinds: dict[str, str], rows: list[dict]) -> ResultTable:
    meta = TableMeta(tuple(Column(name, kind, "*" if kind == "char" else "") for name, kind in kinds.items()))
    table = ResultTable.create(tmp_path / f"{len(kinds)}-{len(rows)}.arrow", meta)
    table.append(pa.RecordBatch.from_pylist(rows, schema=meta.to_schema()))
    table.finish()
    return table


def obs_row(n: int, **more: object) -> dict:
    row = {
        "access_url": f"http://h/links?ID={n}", "dataproduct_subtype": "lsst.visit_image", "obs_publisher_did": f"d{n}",
        "lsst_band": "ugrizy"[n % 6], "lsst_visit": 100 + n, "lsst_detector": n % 9, "lsst_tract": None,
        "lsst_patch": None, "s_ra": 62.0, "s_dec": -37.0, "s_region": POLYGON,
    }  # fmt: skip
    return row | more


class Archive:
    """Stands for the archive and the files that come from it."""

    def __init__(self, folder: Path) -> None:
        self.files, self.folder, self.scratch = self, folder, folder
        self.asked: list[str] = []
        self.held = threading.Event()
        self.held.set()
        self.broken: set[str] = set()
        self.open = 0
        self.dropped: list[str] = []

    def rows(self, adql: str) -> list[dict]:
        self.asked.append(adql)
        return [obs_row(n, lsst_band=band) for n, band in ((7, "i"), (8, "g"))]

    def coadds(self, ra: float, dec: float) -> tuple[ImageRef, ...]:
        return tuple(
            ref_of(obs_row(n, dataproduct_subtype="lsst.deep_coadd", obs_publisher_did=f"coadd{n}")) for n in range(6)
        )

    def links(self, ref: ImageRef) -> Links:
        if ref.key == "d4":
            raise ServiceError("No links.")
        this = {"access_url": "http://h/this.fits", "semantics": "#this", "content_type": "application/fits"}
        other = this | {"access_url": "http://h/diff.fits", "semantics": "#derivation", "description": "Difference"}
        return Links([this, other, other | {"content_type": "text/plain"}], ())

    def start(self, work, load) -> Future:
        done: Future = Future()

        def run() -> None:
            try:
                done.set_result(work(load))
            except TriviewError as error:
                done.set_exception(error)

        run() if self.held.is_set() else threading.Thread(target=run).start()
        return done

    def is_ours(self, ref: ImageRef) -> bool:
        return ref.source == "links"

    def drop(self, ref: ImageRef) -> None:
        self.dropped.append(ref.key)

    @contextmanager
    def file(self, ref: ImageRef, stop: threading.Event, tell) -> Iterator[Path]:
        tell("1.0 of 2.0 MiB")
        while not self.held.wait(0.01):
            if stop.is_set():
                raise CancelledError("Stopped.")
        if ref.key in self.broken:
            raise ServiceError("The image is broken.", "Try again.")
        path = self.folder / f"{abs(hash(ref.key))}.fits"
        header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 62.0, "CRVAL2": -37.0,
                              "CRPIX1": 8, "CRPIX2": 8, "CDELT1": -5e-5, "CDELT2": 5e-5})  # fmt: skip
        pixels = np.full((16, 16), len(ref.key), "f4")
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels, header), fits.ImageHDU(-pixels, header)]
        fits.HDUList(hdus).writeto(path, overwrite=True)
        self.open += 1
        yield path
        self.open -= 1


class ImageDesk(Desk):
    """A session with images."""

    detail = param.Boolean(True)
    face = param.String("sky")
    images = param.Parameter(())
    follow = param.Boolean(True)
    linked = param.Boolean(True)
    place = param.Parameter(())
    submitted: tuple = ()
    show_images, add_image, close_image = Session.show_images, Session.add_image, Session.close_image
    follow_row, look_at, select = Session.follow_row, Session.look_at, Session.select

    def submit(self, adql: str, title: str) -> None:
        self.submitted = (adql, title)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def desk_of(table: ResultTable, archive: Archive) -> tuple[ImageDesk, Image]:
    session = ImageDesk(table)
    return session, Image(session, Feeds(1), archive)


def states(view: Image) -> list[tuple[str, str]]:
    return [(frame["band"], frame["state"]) for frame in view.image.frames]


def press(widget, gesture: str, **fields) -> None:
    widget._handle_msg({"gesture": gesture, **fields})


def test_rows_lead_to_images(tmp_path: Path, archive: Archive) -> None:
    coadd = obs_row(
        3, dataproduct_subtype="lsst.deep_coadd", lsst_visit=None, lsst_detector=None, lsst_tract=5, lsst_patch=7
    )
    table = table_of(tmp_path, OBS, [obs_row(0), coadd, obs_row(2, access_url=None)])
    visit = row_images(table, 0, archive, Asked())
    assert (visit.kind, [ref.key for ref in visit.refs], visit.place) == ("image", ["d0"], (62.0, -37.0))
    assert [offer.label for offer in visit.offers] == ["Detectors of this visit", "Difference"]
    assert visit.offers[1].refs[0].source == "file" and visit.offers[1].refs[0].url == "http://h/diff.fits"
    assert row_images(table, 0, archive, Asked(0.01, (62.01, -37.0))).refs[0].circle == (62.01, -37.0, 0.01)
    assert row_images(table, 0, archive, Asked(0.01, (10.0, 5.0))).refs[0].circle == (62.0, -37.0, 0.01)
    zero = table_of(tmp_path / "..", OBS, [obs_row(0, s_ra=359.99)])
    assert row_images(zero, 0, archive, Asked(0.01, (0.01, -37.0))).refs[0].circle == (0.01, -37.0, 0.01)
    deep = row_images(table, 1, archive, Asked())
    assert [(offer.label, offer.rows) for offer in deep.offers] == [
        ("All bands of this patch", False),
        ("Visit images over this coadd", True),
        ("Difference", False),
    ]
    assert "lsst_band = 'i'" in deep.offers[1].adql and "INTERSECTS" in deep.offers[1].adql
    assert row_images(table, 2, archive, Asked()).words == "This row leads to no image."
    objects = table_of(tmp_path, {"objectId": "long", "coord_ra": "double", "coord_dec": "double"},
                       [{"objectId": 1, "coord_ra": 62.0, "coord_dec": -37.0},
                        {"objectId": 2, "coord_ra": None, "coord_dec": -37.0}])  # fmt: skip
    found = row_images(objects, 0, archive, Asked())
    assert [ref.band for ref in found.refs] == list("ugrizy") and {len(ref.circle) for ref in found.refs} == {3}
    with pytest.raises(TriviewError, match="no position"):
        row_images(objects, 1, archive, Asked())
    sources = {"sourceId": "long", "visit": "long", "detector": "long", "ra": "double", "dec": "double"}
    row = {"sourceId": 1, "visit": 5, "detector": 3, "ra": 62.0, "dec": -37.0}
    source = row_images(table_of(tmp_path, sources, [row]), 0, archive, Asked())
    assert source.kind == "cutouts" and source.offers[0].label == "The visit image itself"
    del sources["sourceId"], row["sourceId"]
    exposure = row_images(table_of(tmp_path, sources, [row]), 0, archive, Asked())
    assert exposure.kind == "image" and "lsst_detector = 3" in archive.asked[-1]
    del sources["detector"], row["detector"]
    words = {**sources, "visit": "char"}
    odd = row_images(table_of(tmp_path, words, [{**row, "visit": "night 3"}]), 0, archive, Asked())
    assert odd.kind == "cutouts", "a column called visit need not hold numbers"
    whole = row_images(table_of(tmp_path, sources, [row]), 0, archive, Asked())
    assert not whole.refs and "Visit 5" in whole.words and whole.offers[0].label == "Detectors of this visit"
    assert "no position columns" in row_images(table_of(tmp_path, {"x": "long"}, [{"x": 1}]), 0, archive, Asked()).words


def test_six_bands_follow_the_row(tmp_path: Path, archive: Archive) -> None:
    rows = [{"objectId": n, "coord_ra": 62.0 + n / 1000, "coord_dec": -37.0} for n in range(3)]
    kinds = {"objectId": "long", "coord_ra": "double", "coord_dec": "double"}
    session, view = desk_of(table_of(tmp_path, kinds, rows), archive)
    assert view.image.message == "Click a row: its images appear here."
    archive.broken = {"coadd2|62.0010000,-37.0000000,0.0027778"}
    session.point_at(1)
    assert states(view) == [(band, "failed" if band == "r" else "ready") for band in "ugrizy"]
    assert view.image.position == (62.001, -37.0) and view.image.arrangement == "colour" and not view.bar.progress
    bad = view.image.frames[2]
    assert bad["message"] == "The image is broken. Try again."
    archive.broken = set()
    press(view.image, "asked", what="retry", id=bad["id"])
    again = view.image.frames[2]
    assert len(archive.dropped) == 1, "what came the first time may be at fault"
    assert again["state"] == "ready" and again["id"] == bad["id"] and again["version"] == bad["version"] + 1
    view.image.current, view.image.arrangement = view.image.frames[3]["id"], "single"
    session.point_at(2)
    current = next(frame for frame in view.image.frames if frame["id"] == view.image.current)
    assert current["band"] == "i" and view.image.arrangement == "single", "the next object in the same band"
    assert len(view.loads.frames) == 6 and archive.open == 6
    press(view.bar, "sized", size="1′")
    assert {load.ref.circle[2] for load in view.loads} == {30 / 3600}
    gone = view.image.frames[0]["id"]
    press(view.image, "closed", id=gone)
    assert [band for band, _ in states(view)] == list("grizy")
    # Questions about an image that has just gone are no error of the page.
    assert view._answer({"ask": "tile", "f": bad["id"], "x": "0", "y": "0"}).body == b""
    ids = [frame["id"] for frame in view.image.frames[:3]]
    assert view._answer({"ask": "picture", "f": ",".join(ids)}).type == "image/png"
    assert view._answer({"ask": "picture", "f": f"{ids[0]},{gone}"}).body == b""
    assert b'"band":' in view._answer({"ask": "meta", "f": view.image.frames[0]["id"]}).body
    three = ",".join(frame["id"] for frame in view.image.frames[:3])
    drawn = view._answer({"ask": "picture", "f": three, "width": "8", "height": "8"})
    assert drawn.type == "image/png" and drawn.body, "browsers without WebGL2 ask for several at once"
    view.end()
    assert archive.open == 0 and not len(view.loads.frames)


def test_images_are_opened_stopped_turned_and_closed(tmp_path: Path, archive: Archive) -> None:
    table = table_of(tmp_path, OBS, [obs_row(n, s_ra=62 + n / 1000) for n in range(30)])
    session, view = desk_of(table, archive)
    session.point_at(4)
    assert states(view) == [("z", "ready")] and view.bar.size == "whole"
    assert [offer["label"] for offer in view.bar.offers] == ["Detectors of this visit", "Tile the first rows shown"]
    press(view.bar, "offered", place=0)
    assert [ref.band for ref in session.images] == ["g", "i"] and not session.follow, "in the order of bands"
    assert view.image.arrangement == "grid" and view.bar.opened_count == 2 and not view.bar.sizes
    session.select(rows_clause(range(3, 30)))
    press(view.bar, "offered", place=1)
    assert [ref.key for ref in session.images] == [f"d{n}" for n in range(3, 27)]
    assert view.bar.note == "24 of 27 images"
    assert marked_images(table, session.look, False, Asked()) == ([ref_of(obs_row(n)) for n in range(8)], 30)
    parts, _ = marked_images(table, session.look, False, Asked(0.01, (62.02, -37.0)))
    assert {part.circle for part in parts} == {(62.02, -37.0, 0.01)}, "the same place in each"
    first = view.image.frames[0]
    press(view.bar, "sized", size="1′")
    press(view.bar, "offered", place=2)
    assert {ref.circle for ref in session.images} == {(62.004, -37.0, 30 / 3600)}, "where the current row is"
    press(view.bar, "sized", size="whole")
    press(view.bar, "offered", place=1)
    first = view.image.frames[0]
    press(view.image, "asked", what="hdu=2", id=first["id"])
    assert view.loads.frames.find(first["id"]).at(0, 0).value == -2
    press(view.image, "closed", id=first["id"])
    assert len(session.images) == 23
    assert not view.bar.note
    press(view.bar, "followed", on=True)
    assert session.follow and states(view) == [("z", "ready")] and session.images
    press(view.bar, "cleared")
    assert session.images == () and archive.open == 1
    archive.held.clear()
    press(view.bar, "opened", url="http://h/some.fits")
    assert view.image.frames[0]["state"] == "loading" and "MiB" in view.bar.progress
    press(view.bar, "stopped")
    assert view.image.frames[0]["message"] == "Stopped." and not view.bar.progress
    press(view.bar, "opened", url="file:///etc/passwd")
    assert "not an address" in session.trouble[0]
    view.end()


def test_sky_and_images_look_at_the_same_place(tmp_path: Path, archive: Archive) -> None:
    session = ImageDesk(table_of(tmp_path, OBS, [obs_row(0)]))
    sky, image = Sky(), Fits()
    view = Place(session, Feeds(1), sky, image, archive)
    sky.moved = SkyMoved(1, 10.0, 5.0, 0.2)
    assert image.target is None, "cutouts of the row keep to the row"
    session.show_images([ref_of(obs_row(0))])
    sky.moved = SkyMoved(2, 62.0, -37.0, 0.2)
    assert image.target == (62.0, -37.0, 0.2)
    press(image, "moved", ra=62.1, dec=-37.1, fov=0.1)
    assert sky.target == (62.1, -37.1, 0.1) and image.target == (62.0, -37.0, 0.2), "no view answers itself"
    session.linked = False
    press(image, "moved", ra=1.0, dec=1.0, fov=0.1)
    assert sky.target == (62.1, -37.1, 0.1)
    session.linked = True
    assert sky.target == (1.0, 1.0, 0.1), "linking brings them together"
    # Close in, the pixels below are offered, as wide as the view.
    assert sky.offer == ""
    sky.moved = SkyMoved(3, 62.0, -37.0, 0.02)
    assert sky.offer == "Coadd images here"
    press(sky, "offered", ra=62.0, dec=-37.0, fov=0.02)
    assert [ref.band for ref in session.images] == list("ugrizy") and not session.follow
    assert {ref.circle for ref in session.images} == {(62.0, -37.0, 0.01)}
    Goto(session, Feeds(1), sky, None).go("62.5 -37.5")
    assert sky.target[:2] == (62.5, -37.5) and image.target == sky.target, "a place that was written, too"
    view.end()
