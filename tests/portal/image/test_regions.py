"""DS9 region files: read as DS9 reads them, written so that they read the same again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import FormatError, LimitError, TriviewError
from portal.image.regions import MOST_REGIONS, SYMBOLS, Region, read_regions
from portal.image.regions_write import clean, region_text

FILE = """# Region file format: DS9 version 4.1
# Filename: coadd.fits[IMAGE]
global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 include=1
fk5
circle(4:08:00.000,-37:00:00.00,3.5") # color=red width=3 text={A; # star} tag={one} tag={two}
-ellipse(62.01,-37.02,0.01,0.005,30)
annulus(62.0d,-37.0d,5",10",n=2); box(62,-37,6",4",45) # dash=1
# text(62.001,-37.001) text={a label}
# vector(62,-37,3600",90)
galactic; point(120.5,-30.25) # point=cross 12 text="no 1"
image;polygon(10,10,20,10,20,20)
line 1 2 3 4 # line=0 1
circle 100p 200p 5 ; circle(30,40,2')
panda(1,2,3,4,5,6,7,8)
fk5;circle(4h8m0s,-37d0m0s,12i)
"""


def test_what_ds9_writes_is_read() -> None:
    found = read_regions(FILE)
    kinds = [(item.shape, item.system) for item in found.regions]
    assert kinds == [
        ("circle", "fk5"), ("ellipse", "fk5"), ("annulus", "fk5"), ("box", "fk5"), ("text", "fk5"), ("line", "fk5"),
        ("point", "galactic"), ("polygon", "image"), ("line", "image"), ("circle", "physical"), ("circle", "image"),
        ("circle", "fk5"),
    ]  # fmt: skip
    star, ellipse, annulus, box, text, vector, point, polygon, line, parent, arcminutes, pixels = found.regions
    assert star.places == ((pytest.approx(62.0), pytest.approx(-37.0)),) and star.sizes == pytest.approx((3.5 / 3600,))
    assert (star.color, star.width, star.text, star.tags) == ("red", 3, "A; # star", ("one", "two"))
    assert not ellipse.include and ellipse.angle == 30 and ellipse.sizes == (0.01, 0.005)
    assert [size * 3600 for size in annulus.sizes] == pytest.approx([5, 7.5, 10])
    assert box.dash and box.angle == 45 and text.text == "a label"
    assert vector.places[1] == (pytest.approx(62.0, abs=1e-9), pytest.approx(-36.0)), "angle 90 points north"
    assert (point.symbol, point.text) == ("cross", "no 1") and len(polygon.places) == 3
    assert line.places == ((1, 2), (3, 4)) and parent.places == ((100, 200),)
    assert arcminutes.sizes_in == "degree" and arcminutes.sizes == pytest.approx((2 / 60,))
    assert pixels.sizes_in == "pixel" and pixels.places[0] == pytest.approx((62.0, -37.0))
    assert found.notes == ("1 left out: panda",)


def test_files_that_hold_no_region_say_so() -> None:
    for text in (
        "",
        "hello",
        "fk5\ncircle(62,-97,1)",
        "circle(nan,1,1)",
        "circle(1,2,inf)",
        "box(1,2)",
        "wcsb;circle(1,2,3)",
    ):
        with pytest.raises(FormatError):
            read_regions(text)
    with pytest.raises(LimitError, match="as a table"):
        read_regions("image\n" + "circle(1,2,3)\n" * (MOST_REGIONS + 1))


words = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20).map(clean)
pixel = st.floats(-1e5, 1e5)
size = st.floats(0.01, 5000)
look = {
    "text": words, "color": st.sampled_from(["green", "red", "#12ab9f"]), "width": st.integers(1, 10),
    "dash": st.booleans(), "include": st.booleans(), "tags": st.lists(words.filter(bool), max_size=2).map(tuple),
}  # fmt: skip


@st.composite
def regions(draw: st.DrawFn) -> Region:
    shape = draw(st.sampled_from(["circle", "annulus", "ellipse", "box", "line", "point", "polygon", "text"]))
    system = draw(st.sampled_from(["image", "physical", "icrs", "fk5", "galactic", "ecliptic"]))
    sky = system not in ("image", "physical")
    place = st.tuples(st.floats(0, 359.999), st.floats(-90, 90)) if sky else st.tuples(pixel, pixel)
    count = {"line": 2, "polygon": draw(st.integers(3, 8))}.get(shape, 1)
    many = {"circle": 1, "annulus": draw(st.integers(2, 4)), "ellipse": 2, "box": 2 * draw(st.integers(1, 2))}
    sizes = tuple(draw(size) / (3600 if sky else 1) for _ in range(many.get(shape, 0)))
    turned = shape in ("ellipse", "box")
    return Region(
        shape, system, tuple(draw(place) for _ in range(count)), sizes, "degree" if sky and sizes else "pixel",
        draw(st.floats(0, 359.99)) if turned else 0.0,
        symbol=draw(st.sampled_from(SYMBOLS)) if shape == "point" else "boxcircle",
        **{name: draw(strategy) for name, strategy in look.items()},
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(regions(), min_size=1, max_size=4))
def test_what_is_written_reads_the_same(given_: list[Region]) -> None:
    found = read_regions(region_text(given_))
    assert not found.notes and len(found.regions) == len(given_)
    for old, new in zip(given_, found.regions):
        assert old[:2] == new[:2] and old[6:] == new[6:]
        for a, b in zip(old.places, new.places, strict=True):
            assert b == pytest.approx(a, abs=1e-4 if old.system in ("image", "physical") else 1e-9)
        assert new.sizes == pytest.approx(old.sizes, rel=1e-6, abs=1e-4 if old.sizes_in == "pixel" else 1e-11)
        assert math.cos(math.radians(old.angle - new.angle)) == pytest.approx(1, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"(){}#;,\n '\"", "circle", "fk5", "text={", "1", "2.5", "-", "n=3", "||", "box", "1:2:3"]),
        max_size=40,
    )
)
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    try:
        found = read_regions("".join(parts))
    except TriviewError:
        return
    assert all(math.isfinite(value) for item in found.regions for place in item.places for value in place)


@pytest.mark.parametrize("filler", [" ", "a", "{", "a={", "a ={'", '"', "#{", ";+ "])
def test_a_text_made_to_take_long_is_read_at_once(filler: str) -> None:
    """Each of these took minutes, during which the server answered nobody, when read by patterns that look back."""
    many = filler * (400_000 // len(filler))
    for text in (f"image\n{many}5\ncircle(1,1,1)", f"global {many}\nimage\ncircle(1,1,1)",
                 "image\n" + f"circle(1,1,1) # {many[:4000]}\n" * 50):  # fmt: skip
        assert read_regions(text).regions[-1].sizes == (1.0,)
    mixed = read_regions('image; circle(1,2,3) # text={a;b # c} width=2; box(1,2,3,4,5) # text="x { y" tag={g} tag={h}')
    assert [(item.text, item.width, item.tags) for item in mixed.regions] == [
        ("a;b # c", 2, ()),
        ("x { y", 1, ("g", "h")),
    ]
