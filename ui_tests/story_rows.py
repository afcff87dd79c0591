"""Very many rows on the sky, across RA 0: counted by bins from afar, one by one from near, no row left out or wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix
from playwright.sync_api import Page, expect

from portal.table.clauses import selection_sql
from ui_tests.rows_kit import FIRST_ID, Rows, ask, desk_of  # noqa: F401
from ui_tests.sky_kit import Kit

N = 80_000


def test_rows_from_afar_and_from_near(desk_of: Callable, serve, until, shot) -> None:  # noqa: F811
    rows = Rows(N)
    desk = desk_of(Rows(500, 0.5, 5), rows)
    session = desk.session
    page: Page = serve(desk.page, desk.routes(), size=(1040, 680))
    kit = Kit(serve, until)
    kit.page = page
    at = SkyCoord(rows.ra, rows.dec, unit="deg")

    def rest(holds: str) -> None:
        kit.settle()
        until(page, lambda: ask(page, f"Boolean(c) && ({holds})"), 30)
        kit.settle()

    # From afar: every bin in view holds exactly the rows HEALPix puts there, and all of them together all rows.
    rest("c.dense && c.tiles.shown.length && !c.busy")
    order = ask(page, "c.tiles.shown[0].order") + 8
    assert ask(page, "c.tiles.shown.reduce((sum, t) => sum + t.count.reduce((a, b) => a + b, 0), 0)") == N
    pixel = HEALPix(2**order, "nested").lonlat_to_healpix(rows.ra * u.deg, rows.dec * u.deg)
    picked = np.unique(pixel)[::199]
    lon, lat = HEALPix(2**order, "nested").healpix_to_lonlat(picked)
    vectors = SkyCoord(lon, lat).cartesian.xyz.value.T
    told = ask(page, "arg.map((v) => c.tiles.at(v).count)", vectors.tolist())
    assert told == [np.count_nonzero(pixel == one) for one in picked] and len(told) > 20
    assert ask(page, "c.info.circle[0]") > 359 or ask(page, "c.info.circle[0]") < 1, "the middle is at RA 0"
    fullest = np.bincount(np.searchsorted(np.unique(pixel), pixel)).argmax()
    lon, lat = HEALPix(2**order, "nested").healpix_to_lonlat(np.unique(pixel)[fullest])
    spot = kit.pixel(float(lon.deg), float(lat.deg))
    page.mouse.move(*spot)
    expect(page.locator(".row-label:visible")).to_contain_text("rows")
    expect(page.locator(".row-legend")).to_contain_text("rows in a bin")

    # A click there finds the nearest row of all; marks colour their bins.
    page.mouse.click(*spot)
    until(page, lambda: session.look.current >= 0)
    box = page.locator(".host").bounding_box()
    under = ask(page, "sky.worldAt(...arg)", [spot[0] - box["x"], spot[1] - box["y"]])
    away = at.separation(SkyCoord(*under, unit="deg")).deg
    assert away[session.look.current] - away.min() < 1e-7
    page.get_by_label("What a drawn region does; Shift adds, Alt takes away").select_option("add")
    for centre in ((0.6, -36.8), (359.4, -36.6)):
        page.locator(".host").focus()
        page.keyboard.press("l")
        points = [(centre[0] + 0.2 * np.cos(t), centre[1] + 0.16 * np.sin(t)) for t in np.linspace(0, 6, 13)]
        page.mouse.move(*kit.pixel(*points[0]))
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*kit.pixel(*point))
        page.mouse.up()
    until(page, lambda: len(session.look.clauses) == 2)
    marked = session.table().where(selection_sql(session.look.clauses))
    inside = sum(
        (((rows.ra - ra + 180) % 360 - 180) / 0.2) ** 2 + ((rows.dec - dec) / 0.16) ** 2 < 0.9
        for ra, dec in ((0.6, -36.8), (359.4, -36.6))
    )
    assert np.isin(np.flatnonzero(inside), marked).all() and len(marked) < 1.5 * inside.sum()
    total = "c.tiles.shown.reduce((sum, t) => sum + (t.marked ?? []).reduce((a, b) => a + b, 0), 0)"
    rest(f"c.info.version > 1 && !c.busy && {total} === {len(marked)}")
    page.get_by_role("button", name="Layers").click()
    page.get_by_label("Colour by", exact=True).select_option("mag")
    rest("c.look.valued === 1 && !c.busy && c.tiles.shown.some((t) => t.value)")
    shot(page, "afar")
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")

    # From near: the rows of the view, each under its own id.
    page.get_by_label("Colour by", exact=True).select_option("band")
    page.get_by_label("Shape").select_option("by class")
    rest("c.info.scale?.classes.length === 6 && c.info.paint.shape === 'class'")
    page.get_by_role("button", name="Layers").click()
    desk.coverage.go(0.3, -36.8, 0.05)
    rest("!c.dense && c.points.points.count > 0 && Math.abs(s.view.fov - 0.05) < 1e-6")
    ra, dec, radius = ask(page, "c.circle")
    near = np.flatnonzero(at.separation(SkyCoord(ra, dec, unit="deg")).deg <= radius)
    assert sorted(ask(page, "[...c.points.points.row]")) == near.tolist()
    places = np.array(
        ask(page, "arg.map((p) => sky.pixelOf(s.view, ...p))", np.stack([rows.ra, rows.dec], 1)[near].tolist())
    )
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(near))
    clear = np.flatnonzero((apart.min(1) > 12) & (places > [20, 60]).all(1) & (places < [900, 560]).all(1))[0]
    row = int(near[clear])
    spot = places[clear] + [box["x"], box["y"]]
    page.mouse.move(*spot)
    expect(page.locator(".row-label:visible")).to_contain_text(str(FIRST_ID + row))
    expect(page.locator(".row-label:visible")).to_contain_text("ugrizy"[rows.band[row]])
    page.mouse.click(*spot)
    until(page, lambda: session.look.current == row)
    shot(page, "near")

    # The other result is there in its own colour, and takes over when it is opened.
    assert ask(page, "s.layer.catalogs.map((one) => [one.info.rows, one.info.active])") == [[500, False], [N, True]]
    session.open(session.tabs[0].key)
    rest("c.info.rows === 500 && !c.dense && c.points.inView === 500")
