"""What the sky view takes from a browser, and what it does not."""

from __future__ import annotations

import math

import pytest

from widgets.sky import Sky, SkyBoxed, SkyClicked, SkyMoved


def send(sky: Sky, gesture: str, **fields: object) -> None:
    sky._handle_msg({**fields, "gesture": gesture})


def test_gestures_become_parameters() -> None:
    sky = Sky()
    send(sky, "clicked", row=4_000_000_001)
    assert sky.clicked == SkyClicked(1, 4_000_000_001)
    send(sky, "moved", ra=359.5, dec=-90, fov=0.5)
    assert sky.moved == SkyMoved(2, 359.5, -90.0, 0.5)
    send(sky, "boxed", kind="circle", coords=[62.0, -37.0, 0.1], mode="and")
    assert sky.boxed == SkyBoxed(3, "circle", (62.0, -37.0, 0.1), "and")
    send(sky, "boxed", kind="polygon", coords=[1, 0, 2, 0, 2, 1], mode="and not")
    assert sky.boxed == SkyBoxed(4, "polygon", (1.0, 0.0, 2.0, 0.0, 2.0, 1.0), "and not")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "circle", "coords": [62.0, -37.0]},
        {"kind": "circle", "coords": [62.0, -97.0, 1.0]},
        {"kind": "circle", "coords": [62.0, -37.0, math.nan]},
        {"kind": "circle", "coords": [62.0, -37.0, -1.0]},
        {"kind": "polygon", "coords": [1, 0, 2, 0]},
        {"kind": "polygon", "coords": [1, 0, 2, 0, 2]},
        {"kind": "polygon", "coords": [1, 0, 2, 0, math.inf, 0]},
        {"kind": "box", "coords": [1, 0, 2, 0, 2, 1]},
        {"kind": "polygon", "coords": "62 -37"},
        {"kind": "polygon"},
        {"kind": "circle", "coords": [62.0, -37.0, 0.1], "mode": "xor"},
    ],
)
def test_regions_that_are_none_are_dropped(fields: dict) -> None:
    sky = Sky()
    send(sky, "boxed", **{"mode": "and", **fields})
    assert sky.boxed is None


def test_places_off_the_sky_are_dropped() -> None:
    sky = Sky()
    send(sky, "moved", ra=math.nan, dec=0, fov=1)
    send(sky, "moved", ra=0, dec=91, fov=1)
    for fov in (math.nan, 0, -1, math.inf):
        send(sky, "moved", ra=0, dec=0, fov=fov)
        send(sky, "offered", ra=0, dec=0, fov=fov)
    send(sky, "clicked", row="1")
    assert sky.moved is None and sky.clicked is None and sky.offered is None


def test_going_to_the_same_place_again_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sky, told = Sky(), []
    monkeypatch.setattr(sky, "_send_msg", told.append)
    sky.go(62, -37, 1)
    assert sky.target == (62, -37, 1) and told == []
    sky.go(62, -37, 1)
    assert len(told) == 1
