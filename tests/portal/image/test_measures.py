"""Profiles, statistics, grids and cutouts, held against scipy, numpy and astropy on the same pixels."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from portal.errors import FormatError, LimitError, TriviewError
from portal.image import Frame, Frames, Lsst
from portal.image.answers import answer
from portal.image.frame import Described, Planes
from portal.image.grid import SYSTEMS, grid, label
from portal.image.masks import MaskBit
from portal.image.profile import profile
from portal.image.save import cutout
from portal.image.shapes import Shape
from portal.image.statistics import statistics
from tests.portal.image.wcs_kit import tan_sip

SKY = tan_sip()
PIXELS = np.random.default_rng(6).normal(10, 5, (300, 400)).astype(np.float32)
PIXELS[40, 50] = np.nan
PIXELS[41, 51] = np.inf
MASK = (np.random.default_rng(7).random(PIXELS.shape) < 0.1).astype(np.int32) << 5
PARENT = {"LTV1": -100, "LTV2": -50, "CTYPE1A": "LINEAR", "CRPIX1A": 1.0, "CRVAL1A": 100}
CARDS = [
    [["EXTEND", True, ""]],
    [[key, value, ""] for key, value in {**SKY.to_header(relax=True), **PARENT}.items()],
]


def frame() -> Frame:
    planes = Planes(
        PIXELS, MASK, PIXELS**2, (MaskBit("BAD", 0), MaskBit("DETECTED", 5)), "nJy", "r", Lsst(100, 50), SKY, 1
    )
    return Frame("coadd", planes, Described(hdus=({"index": 1, "name": "IMAGE"},), headers=CARDS))


place = st.floats(-20, 420)


@settings(max_examples=40, deadline=None)
@given(st.tuples(place, place), st.tuples(place, place), st.integers(1, 6))
def test_profile_against_scipy(start: tuple, end: tuple, width: int) -> None:
    if np.hypot(end[0] - start[0], end[1] - start[1]) < 1e-3:
        return
    found = profile(PIXELS, start, end, width, MASK, 1 << 5)
    bad = ~np.isfinite(PIXELS) | (MASK != 0)
    clean = np.where(bad, 0, PIXELS).astype(float)
    ux, uy = np.array([end[0] - start[0], end[1] - start[1]]) / found.distance[-1]
    total, count = np.zeros(len(found.x)), np.zeros(len(found.x))
    for step in np.arange(width) - (width - 1) / 2:
        x, y = found.x - step * uy, found.y + step * ux
        good = (x >= -1e-9) & (x <= 399 + 1e-9) & (y >= -1e-9) & (y <= 299 + 1e-9)
        good &= map_coordinates(bad.astype(float), [y, x], order=1, mode="nearest") < 1e-9
        total += np.where(good, map_coordinates(clean, [y, x], order=1, mode="nearest"), 0)
        count += good
    same = found.count == count  # but for weights within rounding of the least one
    assert (~same).sum() <= 1
    sure = same & (count > 0)
    assert found.value[sure] == pytest.approx(total[sure] / count[sure], rel=1e-6, abs=1e-5)
    assert np.isnan(found.value[found.count == 0]).all()
    assert np.diff(found.distance).max() <= 1 + 1e-9


def test_profile_bounds() -> None:
    with pytest.raises(FormatError, match="no length"):
        profile(PIXELS, (3, 3), (3, 3))
    with pytest.raises(LimitError, match="20,000"):
        profile(PIXELS, (0, 0), (30_000, 0))
    assert profile(PIXELS[:1, :1], (0, 0), (4, 0)).count.tolist() == [1, 0, 0, 0, 0], "one pixel is an image too"


shapes = st.one_of(
    st.builds(lambda c, r: Shape("circle", (c,), (r,)), st.tuples(place, place), st.floats(0.1, 90)),
    st.builds(lambda c, a, b, t: Shape("ellipse", (c,), (a, b), t), st.tuples(place, place), st.floats(1, 90),
              st.floats(1, 90), st.floats(0, 180)),
    st.builds(lambda p: Shape("polygon", tuple(p)), st.lists(st.tuples(place, place), min_size=3, max_size=6)),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_statistics_against_numpy(shape: Shape) -> None:
    found = statistics(PIXELS, shape, MASK, 1 << 5)
    held = shape.inside(np.arange(400)[None, :], np.arange(300)[:, None])
    counts = held & np.isfinite(PIXELS) & (MASK == 0)
    values = PIXELS[counts].astype(float)
    assert found["n"] == len(values) and found["pixels"] == held.sum() and found["masked"] == (held & (MASK > 0)).sum()
    assert found["n"] + found["masked"] + found["not_finite"] == found["pixels"]
    if not len(values):
        assert found["mean"] is None and found["histogram"] is None
        return
    for name, wanted in (("sum", values.sum()), ("mean", values.mean()), ("median", np.median(values)),
                         ("min", values.min()), ("max", values.max())):  # fmt: skip
        assert found[name] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert found["std"] == (pytest.approx(values.std(ddof=1)) if len(values) > 1 else None)
    assert found["percentiles"]["95"] == pytest.approx(np.percentile(values, 95))
    x, y = found["max_at"]
    assert PIXELS[y, x] == values.max() and held[y, x]
    assert sum(found["histogram"]["counts"]) == len(values)


def test_polygons_cost_no_more_than_they_must() -> None:
    pixels = np.ones((2000, 2000), np.uint8)
    turn = np.linspace(0, 2 * np.pi, 9_000, endpoint=False)
    round_ = Shape("polygon", tuple(zip(1000 + 900 * np.cos(turn), 1000 + 900 * np.sin(turn))))
    assert statistics(pixels, round_)["n"] == pytest.approx(np.pi * 900**2, rel=1e-4)
    zigzag = Shape("polygon", tuple((k / 5, 1999.0 * (k % 2)) for k in range(9_000)))
    with pytest.raises(LimitError, match="to and fro"):
        statistics(pixels, zigzag)


def test_statistics_of_what_is_beside_the_image() -> None:
    found = statistics(PIXELS, Shape("box", ((0.0, 0.0),), (10.0, 10.0)))
    assert (found["pixels"], found["beside"]) == (36, 121 - 36)
    for away in ((-500.0, 0.0), (-60.0, 100.0), (460.0, 100.0), (100.0, -60.0), (100.0, 360.0), (900.0, 900.0)):
        found = statistics(PIXELS, Shape("circle", (away,), (10.0,)), MASK, 1 << 5)
        assert (found["n"], found["pixels"], found["beside"]) == (0, 0, 317)
    assert statistics(PIXELS, None, box=(10, 20, 30, 40))["mean"] == pytest.approx(
        PIXELS[20:40, 10:30].mean(), rel=1e-6
    )
    with pytest.raises(FormatError, match="no inside"):
        statistics(PIXELS, Shape("line", ((0.0, 0.0), (1.0, 1.0))))
    sparse = np.broadcast_to(np.float32(1), (50_000, 50_000))
    with pytest.raises(LimitError, match="67,108,864"):
        statistics(sparse, None)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("where", [(62.0, -37.0), (0.001, 40.0), (266.4, -28.9), (10.0, 89.99)])
def test_grid_lines_lie_where_astropy_has_them(system: str, where: tuple) -> None:
    wcs = tan_sip(*where)
    made = grid(wcs, (-0.5, -0.5, 399.5, 399.5), system)
    frame_name = {"ecliptic": "barycentricmeanecliptic"}.get(system, system)
    for axis in ("lon", "lat"):
        lines = [line for line in made["lines"] if line["axis"] == axis]
        assert 2 <= len({line["label"] for line in lines}) <= 40
        for line in lines:
            points = np.array(line["points"])
            points = points[(points > -50).all(axis=1) & (points < 450).all(axis=1)]
            if not len(points):
                continue
            sky = wcs.pixel_to_world(*points.T).transform_to(frame_name).spherical
            lon = line["value"] if axis == "lon" else sky.lon.deg
            lat = line["value"] if axis == "lat" else sky.lat.deg
            wanted = SkyCoord(lon, lat, unit="deg", frame=frame_name)
            assert wanted.separation(SkyCoord(sky.lon, sky.lat, frame=frame_name)).arcsec.max() < 0.001
    with pytest.raises(FormatError):
        grid(wcs, (0, 0, 10, 10), "horizontal")


def test_grid_labels_have_the_digits_they_need() -> None:
    assert label(62.0, 15 / 60, "lon", "icrs") == "04h08m" and label(62.0, 15.0, "lon", "icrs") == "04h"
    assert label(-37.0 - 1 / 3600, 1 / 3600, "lat", "icrs") == "−37°00′01″"
    assert (
        label(-0.5, 1 / 60, "lat", "icrs") == "−00°30′"
        and label(0.5 / 3600, 0.1 / 3600, "lat", "icrs") == "+00°00′00.5″"
    )
    assert label(359.99999999, 15 / 60, "lon", "icrs") == "00h00m" and label(121.5, 0.5, "lon", "galactic") == "121.5°"
    assert label(-30.0, 5.0, "lat", "galactic") == "−30°"


def test_cutouts_keep_pixels_places_and_headers() -> None:
    whole = frame()
    with fits.open(BytesIO(cutout(whole, (120, 30, 180, 90)))) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"]
        wanted = Cutout2D(PIXELS, (149.5, 59.5), 60, SKY)
        assert np.array_equal(hdus["IMAGE"].data, wanted.data, equal_nan=True)
        assert np.array_equal(hdus["MASK"].data, MASK[30:90, 120:180]) and hdus["MASK"].header["MP_BAD"] == 0
        assert hdus["MASK"].header["MP_DETECTED"] == 5
        header = hdus["IMAGE"].header
        assert (header["LTV1"], header["LTV2"], header["CRVAL1A"], header["CRPIX1A"]) == (-220, -80, 220, 1)
        for name in ("IMAGE", "MASK"):
            spot = WCS(hdus[name].header).pixel_to_world(7, 11)
            assert spot.separation(SKY.pixel_to_world(127, 41)).arcsec < 1e-6
    cards = [["CTYPE1", "RA---TAN", ""], ["CTYPE2", "DEC--TAN", ""], ["CRVAL1", 62.0, ""], ["CRVAL2", -37.0, ""],
             ["CDELT1", -1e-4, ""], ["CDELT2", 1e-4, ""]]  # fmt: skip
    bare = Frame("x", Planes(np.ones((30, 30))), Described(hdus=({"name": "IMAGE", "index": 0},), headers=[cards]))
    moved = fits.open(BytesIO(cutout(bare, (10, 4, 20, 20))))["IMAGE"].header
    assert (moved["CRPIX1"], moved["CRPIX2"]) == (-10, -4), "a reference pixel that is not given is 0"
    with pytest.raises(FormatError, match="no pixels"):
        cutout(whole, (500, 0, 600, 10))


def test_the_questions_of_a_viewer() -> None:
    frames = Frames()
    id = frames.add(frame())

    def ask(name: str, **given: object) -> object:
        content, kind = answer(frames, {"ask": name, "f": id, **{key: str(value) for key, value in given.items()}})
        return json.loads(content) if "json" in kind else content

    line = ask("profile", x0=10, y0=20, x1=110, y1=20, width=3, out="DETECTED")
    assert len(line["value"]) == 101 and line["unit"] == "nJy" and line["arcsec"][-1] == pytest.approx(20, rel=0.01)
    stats = ask("statistics", body=json.dumps(Shape("circle", ((100.0, 100.0),), (9.0,)).to_json()), out="DETECTED,BAD")
    assert stats["masked"] > 0 and stats["unit"] == "nJy"
    rows = ask("points", body="[[50, 40], [3.2, 4.9], [900, 1]]")
    assert rows[0]["value"] is None and rows[1]["lsst"] == [103.2, 54.9] and rows[2] is None
    assert ask("grid", system="galactic", box="100,100,200,200")["name"] == "Galactic"
    text = 'fk5\ncircle(62.0,-37.0,2") # text={here} color=cyan\nimage;box(10,10,4,2,30)\nfk5;circle(242,37,1")\n'
    read = ask("regions", body=text)
    assert [item["kind"] for item in read["shapes"]] == ["circle", "box"] and "1 left out" in read["notes"][0]
    assert read["shapes"][0]["points"][0] == pytest.approx([199.3, 198.3], abs=0.1)
    saved = ask("region-file", body=json.dumps(read["shapes"]), system="galactic").decode()
    assert "galactic\ncircle(" in saved and "color=cyan text={here}" in saved
    again = ask("regions", body=saved)["shapes"]
    assert again[0]["points"][0] == pytest.approx(read["shapes"][0]["points"][0], abs=1e-4)
    assert fits.open(BytesIO(ask("cutout", box="0,0,20,10")))["IMAGE"].data.shape == (10, 20)
    huge = "1" + 400 * "0"  # a whole number that is no float
    refused = {
        "profile": [{"x0": "nan"}, {}],
        "statistics": [
            {"body": "[]"},
            {"body": "{"},
            {"out": "NONE_SUCH"},
            {"body": f'{{"kind": "circle", "points": [[1, {huge}]], "sizes": [1]}}'},
        ],
        "points": [{"body": "[[1]]"}, {"body": "[" * 100_000}, {"body": f"[[1, {huge}]]"}],
        "regions": [{"body": "x"}],
        "region-file": [{"body": "[]"}, {"body": "[1]"}, {"body": "[{}]", "system": "moon"}],
        "cutout": [{"box": "9,9,3,3"}],
        "grid": [{"box": "5,5,5,9"}, {"box": "1"}],
    }
    for name, given_ in ((name, given_) for name, some in refused.items() for given_ in some):
        with pytest.raises(TriviewError):
            ask(name, **given_)
