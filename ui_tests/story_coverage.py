"""An astronomer looks where a survey was observed: footprints of visits, coverage maps, rows marked inside them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

from astropy import units as u
from mocpy import MOC
from playwright.sync_api import Page, expect

from ui_tests.portal_kit import PortalProcess, run_query, wait_rows

VISITS = """SELECT obs_id, lsst_visit, lsst_detector, lsst_band, s_ra, s_dec, t_min, s_region
FROM ivoa.ObsCore WHERE dataproduct_subtype = 'lsst.visit_image'"""


def test_footprints_and_coverage_maps(
    portal: PortalProcess, visit: Callable[..., Page], shot: Callable[[Page, str], None], tmp_path: Path
) -> None:
    page = visit(portal)
    with page.expect_response(re.compile("ask=outlines")):
        run_query(page, VISITS)
    wait_rows(page)
    sky = page.locator(".tv-sky")
    layers = sky.get_by_role("button", name="Layers")
    layers.click()
    panel = sky.get_by_role("region", name="Layers")
    panel.locator("summary", has_text="Footprints").click()
    expect(panel).to_contain_text(re.compile(r"[\d,]+ footprints"))
    panel.locator("summary", has_text="Footprints").click()
    # The row under the pointer in the table has its footprint marked on the sky.
    page.locator(".tv-table td", has_text="CC_O_").nth(2).hover()
    expect(sky.locator(".outline.hovered")).to_have_attribute("d", re.compile("^M.*L"))

    # A map of the footprints, one of a survey, one of a file, what is common to two; the rows inside.
    panel.locator("summary", has_text="Coverage maps").click()
    panel.get_by_label("Make a map of").select_option("footprints")
    maps = panel.get_by_role("list", name="Coverage maps").get_by_role("listitem")

    def drawn(act: Callable[[], object], count: int) -> None:
        with page.expect_response(re.compile("ask=draw")):
            act()
        expect(maps).to_have_count(count)

    drawn(panel.get_by_role("button", name="Make map").click, 1)
    expect(maps.first).to_contain_text(re.compile(r"[\d.]+ deg² · order 10"))
    drawn(panel.get_by_role("button", name="Add", exact=True).click, 2)
    mine = MOC.from_cone(62 * u.deg, -37 * u.deg, radius=0.15 * u.deg, max_depth=14)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(mine.serialize("json")))
    drawn(lambda: panel.get_by_label("File of a MOC").set_input_files(path), 3)
    panel.get_by_label("First map").select_option(label="mine.json")
    panel.get_by_label("Operation").select_option("intersection")
    panel.get_by_label("Second map").select_option(label="footprints of Query 1")
    drawn(panel.get_by_role("button", name="Join").click, 4)
    common = maps.last
    expect(common).to_contain_text("mine.json ∩ footprints of Query 1")
    with page.expect_download() as saved:
        common.get_by_role("link", name="FITS").click()
    kept = MOC.from_fits(io.BytesIO(Path(saved.value.path()).read_bytes()))
    assert 0 < kept.sky_fraction <= mine.sky_fraction * 1.0001
    assert saved.value.suggested_filename.endswith(".moc.fits")

    with page.expect_response(re.compile("ask=marks")):
        common.get_by_role("button", name="Mark rows").click()
    expect(page.locator(".tv-results")).to_contain_text("mine.json")
    common.get_by_role("button", name="Go to").click()
    page.wait_for_function(
        """() => { const find = (n) => n.querySelector?.('.sky-view') ?? [...(n.querySelectorAll?.('*') ?? [])]
             .map((x) => x.shadowRoot && find(x.shadowRoot)).find(Boolean);
           const stage = find(document).sky.stage;
           return stage.settled && stage.view.fov < 2 && stage.lines.anyMarked; }"""
    )
    shot(page, "maps")
    # And the other way round: what lies under the pointer on the sky is a row of the page of the table, or of another.
    layers.click()
    box = sky.locator(".host").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 - 3, box["y"] + box["height"] / 2 - 2)
    expect(sky.locator(".row-label:visible")).to_contain_text("lsst_visit")
    layers.click()

    # A broken one says what is wrong; what is there stays.
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"SIMPLE  =" + b" " * 4000)
    panel.get_by_label("File of a MOC").set_input_files(broken)
    expect(panel.get_by_role("alert")).to_contain_text("FITS")
    expect(maps).to_have_count(4)
    maps.first.get_by_role("button", name=re.compile("^Remove")).click()
    expect(maps).to_have_count(3)
    page.get_by_role("button", name=re.compile("theme|dark", re.IGNORECASE)).first.click()
    shot(page, "maps-dark")
