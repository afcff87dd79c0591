"""The schema browser as an astronomer uses it: open, search, pick, with mouse and keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from tornado.web import RequestHandler

from widgets.schema import SchemaBrowser

NAMES = ["coord_ra", "coord_dec", "objectId", "detect_isPrimary", "tract", "patch"]
TEXTS = {
    "coord_ra": ("double", "deg", "pos.eq.ra;meta.main", "Right ascension of the reference band's centroid"),
    "coord_dec": ("double", "deg", "pos.eq.dec;meta.main", "Declination of the reference band's centroid"),
    "objectId": ("long", "", "meta.id;src;meta.main", "Identifier of the object <script>alert(1)</script>"),
    "detect_isPrimary": ("boolean", "", "meta.code", "True in the inner region of its patch and tract"),
}


def columns(n: int) -> list[dict]:
    names = NAMES + [f"{'ugrizy'[i % 6]}_psfFlux_{i}" for i in range(n - len(NAMES))]
    entries = []
    for i, name in enumerate(names[:n]):
        datatype, unit, ucd, text = TEXTS.get(name, ("float", "nJy", "phot.flux", f"Flux number {i}"))
        entries.append(
            {"name": name, "datatype": datatype, "unit": unit, "ucd": ucd, "description": text, "principal": i < 4}
        )
    return entries


TABLES = [("Object", "Coadd objects", 2_300_000, 1300), ("Source", "", None, 3600), ("Visit", "Pointings", 1792, 100)]
SCHEMAS = {
    "schemas": [
        {
            "name": schema,
            "description": f"Data release {schema}",
            "tables": [
                {"name": f"{schema}.{name}", "description": text, "rows": rows, "columns": columns(n)}
                for name, text, rows, n in TABLES
            ],
        }
        for schema in ("dp1", "dp02_dc2_catalogs", "dp2")
    ]
}


class Schemas(RequestHandler):
    def get(self):
        self.finish(json.dumps(SCHEMAS))


@pytest.fixture
def browse(serve):
    browser = SchemaBrowser(url="schemas", width=420, height=600)

    def start(**options):
        page = serve(browser, [(r"/schemas", Schemas)], **options)
        expect(page.locator(".tv-schema-found")).to_have_text("9 tables, 15,000 columns")
        return page, browser

    return start


def item(page, name):
    return page.get_by_role("treeitem", name=name, exact=True)


def test_columns_are_found_by_opening_and_picked_by_click(browse, until):
    page, browser = browse()
    page.get_by_role("treeitem", name="dp1", exact=True).click()
    item(page, "Object").click()
    row = item(page, "coord_ra, double, deg")
    expect(row).to_contain_text("deg")
    expect(row).to_contain_text("Right ascension")
    expect(row).to_have_attribute("title", re.compile(r"dp1\.Object\.coord_ra\n.*pos\.eq\.ra;meta\.main.*\nRight asc"))
    expect(row).to_have_attribute("aria-level", "3")
    expect(row).to_have_attribute("aria-setsize", "1300")
    row.click()
    until(page, lambda: browser.picked is not None)
    assert browser.picked == (1, "column", "coord_ra", "dp1.Object")
    row.click()
    until(page, lambda: browser.picked.n == 2)
    item(page, "Object").locator(".tv-schema-pick").click(force=True)
    until(page, lambda: browser.picked.n == 3)
    assert browser.picked == (3, "table", "dp1.Object", "dp1.Object")
    expect(item(page, "Object")).to_have_attribute("aria-expanded", "true")
    expect(item(page, "objectId, long")).to_contain_text("<script>alert(1)</script>")


def test_only_rows_in_sight_are_in_the_page(browse):
    page, _ = browse()
    page.get_by_role("treeitem", name="dp2", exact=True).click()
    item(page, "Source").click()
    assert page.locator("[role=treeitem]").count() < 60
    page.locator(".tv-schema-tree").focus()
    page.keyboard.press("End")
    expect(item(page, "Visit")).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".tv-schema-row.tv-active")).to_contain_text("psfFlux_3593")
    assert page.locator("[role=treeitem]").count() < 60


def test_search_looks_into_names_descriptions_and_ucds(browse, until):
    page, browser = browse()
    box = page.get_by_role("searchbox", name="Search the schema")
    box.fill("inner region")
    expect(page.locator(".tv-schema-found")).to_have_text("9 tables, 9 columns")
    expect(page.get_by_role("treeitem", name="detect_isPrimary, boolean")).to_have_count(9)
    expect(page.locator("mark").first).to_have_text("inner")
    box.fill("pos.eq.dec dp")
    expect(page.locator(".tv-schema-found")).to_have_text("Nothing found")
    box.fill("pos.eq.dec")
    expect(page.get_by_role("treeitem", name="coord_dec, double, deg")).to_have_count(9)
    box.press("Enter")
    expect(page.locator(".tv-schema-row.tv-active")).to_contain_text("coord_dec")
    page.keyboard.press("Enter")
    until(page, lambda: browser.picked is not None)
    assert browser.picked == (1, "column", "coord_dec", "dp1.Object")
    box.fill("psfflux")
    expect(page.locator(".tv-schema-found")).to_have_text("9 tables, 14,946 columns")
    box.press("Escape")
    expect(page.locator(".tv-schema-found")).to_have_text("9 tables, 15,000 columns")


def test_the_tree_follows_the_keys_of_a_tree(browse, until):
    page, browser = browse()
    tree = page.get_by_role("tree", name="Schemas")
    tree.focus()
    active = page.locator(".tv-schema-row.tv-active")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("treeitem", name="dp1", exact=True)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(active).to_contain_text("Object")
    page.keyboard.press("Enter")
    until(page, lambda: browser.picked is not None)
    assert browser.picked.name == "dp1.Object"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(active).to_contain_text("coord_dec")
    expect(tree).to_have_attribute("aria-activedescendant", active.get_attribute("id"))
    page.keyboard.press("ArrowLeft")
    expect(active).to_contain_text("Object")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(active).to_have_attribute("aria-level", "1")
    page.keyboard.press("t")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_missing_schema_says_so(serve, troubles):
    troubles.allow(r"status 404.*/nowhere", r"console: Failed to load resource.*404")
    page = serve(SchemaBrowser(url="nowhere", width=300, height=300))
    expect(page.locator(".tv-schema-found.tv-error")).to_contain_text("404")


def test_it_reads_well(browse, shot, theme):
    page, _ = browse(theme=theme, size=(1440, 900))
    page.get_by_role("treeitem", name="dp1", exact=True).click()
    item(page, "Object").click()
    item(page, "coord_dec, double, deg").hover()
    shot(page, theme)
    page.get_by_role("searchbox").fill("centroid band")
    expect(page.locator("mark").first).to_be_visible()
    shot(page, f"{theme}-search")
