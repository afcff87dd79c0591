"""The page's frame alone: layouts, dividers, theme, keys."""

from __future__ import annotations

import panel as pn
import param

from views.drawer import Drawer, Panel
from widgets.layout import Layout

PARTS = [  # as many as the frame has slots
    "jobs",
    "schema",
    "editor",
    "run",
    "examples",
    "results",
    "sky",
    "axes",
    "chart",
    "table",
    "curvebar",
    "curve",
    "frames",
    "image",
    "side",
    "dialog",
]


def make() -> Layout:
    return Layout(**{name: pn.pane.Markdown(f"the {name} part", sizing_mode="stretch_both") for name in PARTS})


def test_layouts_show_their_panes(serve, shot, until) -> None:
    layout = make()
    page = serve(layout, size=(1440, 900))
    seen = {
        "tri": {"sky", "chart", "table"},
        "sky-table": {"sky", "table"},
        "sky-chart": {"sky", "chart"},
        "chart-table": {"chart", "table"},
        "sky": {"sky"},
        "chart": {"chart"},
        "table": {"table"},
    }
    for name, panes in seen.items():
        layout.layout = name
        page.locator(f".page[data-layout={name}]").wait_for()
        for pane in ("sky", "chart", "table"):
            assert page.locator(f"section.pane.{pane}").is_visible() == (pane in panes), (name, pane)
    layout.param.update(layout="tri", detail=True)
    page.get_by_text("the curve part").wait_for()
    page.get_by_text("the image part").wait_for()
    shot(page, "tri")
    # The image viewer moves to the larger place for it and back, and is one and the same.
    image = page.get_by_text("the image part")
    image.evaluate("node => { node.kept = true; }")
    small = image.bounding_box()["width"]
    page.get_by_role("tab", name="Images").click()
    until(page, lambda: layout.turned and layout.turned.face == "image")
    layout.face = "image"
    page.get_by_text("the sky part").wait_for(state="hidden")
    assert image.bounding_box()["width"] > small + 200 and page.get_by_text("the curve part").is_visible()
    shot(page, "images")
    layout.layout = "chart-table"
    page.locator(".page[data-layout=chart-table]").wait_for()
    assert image.is_visible() and image.bounding_box()["width"] == small
    layout.param.update(layout="tri", face="sky")
    page.get_by_text("the sky part").wait_for()
    assert image.bounding_box()["width"] == small and image.evaluate("node => node.kept")


def test_the_users_hand(serve, until) -> None:
    layout = make()
    page = serve(layout, size=(1024, 768))
    page.get_by_role("button", name="Catalogs").click()
    until(page, lambda: layout.toggled and layout.toggled.part == "search")
    page.get_by_label("Light or dark").click()
    until(page, lambda: layout.themed and layout.themed.theme == "dark")
    layout.theme = "dark"
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.keyboard.press("Alt+I")
    until(page, lambda: layout.turned and layout.turned.face == "image")
    page.keyboard.press("Alt+4")
    until(page, lambda: layout.arranged and layout.arranged.layout == "chart-table")
    target = page.get_by_label("Go to a name, coordinates or an objectId")
    target.fill("1651281746966117378")
    target.press("Enter")
    until(page, lambda: layout.targeted and layout.targeted.text == "1651281746966117378")
    page.get_by_role("button", name="Jobs").click()
    page.get_by_text("the jobs part").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("the jobs part").wait_for(state="hidden")
    page.locator("body").press("?")
    page.get_by_role("dialog").wait_for()


def test_a_divider_moves_by_mouse_and_keys(serve) -> None:
    page = serve(make(), size=(1440, 900))
    bar = page.get_by_role("separator", name="Sky and chart")
    sky = page.locator("section.pane.sky")
    before = sky.bounding_box()["width"]
    box = bar.bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 50, steps=4)
    page.mouse.up()
    dragged = sky.bounding_box()["width"]
    assert before - 190 < dragged < before - 110
    bar.press("ArrowRight")
    assert sky.bounding_box()["width"] > dragged


def test_the_panes_fill_the_page(serve) -> None:
    for size in ((1440, 900), (1024, 768)):
        page = serve(make(), size=size)
        table = page.locator("section.pane.table").bounding_box()
        assert abs(table["y"] + table["height"] - size[1]) <= 12
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_tool_panels_open_and_close(serve, until, shot) -> None:
    """Panels are made when first opened, one is shown at a time, and Escape or × gives the place back."""
    made = []

    class Tool:
        def __init__(self, words: str) -> None:
            made.append(words)
            sheet = ":host { display: block; }"  # as our own widgets have
            self.widget = pn.widgets.TextInput(label=words, sizing_mode="stretch_width", stylesheets=[sheet])

        def end(self) -> None:
            made.remove(self.widget.label)

    class Session(param.Parameterized):
        panel = param.ClassSelector(class_=tuple, default=())
        layout = param.String("tri")

    session = Session()
    panels = {
        "one": Panel("First tool", lambda *_: Tool("inside one")),
        "two": Panel("Second tool", lambda *_: Tool("inside two")),
        "wide": Panel("Wide tool", lambda *_: Tool("inside wide"), "dialog"),
    }
    drawer = Drawer(session, None, panels)
    parts = {name: pn.pane.Markdown(f"the {name} part", sizing_mode="stretch_both") for name in PARTS}
    layout = Layout(**{**parts, "side": drawer.side, "dialog": drawer.dialog})

    def open_panel(*panel: str) -> None:
        session.panel = panel
        layout.param.update(side_title=drawer.titles["side"], dialog_title=drawer.titles["dialog"])

    page = serve(layout, size=(1024, 768))
    assert made == []
    whole = page.get_by_text("the table part").locator("xpath=ancestor::*[1]").bounding_box()["width"]
    open_panel("one", "")
    page.get_by_label("inside one").wait_for()
    assert page.get_by_text("the table part").locator("xpath=ancestor::*[1]").bounding_box()["width"] < whole - 200
    open_panel("two", "")
    page.get_by_label("inside two").wait_for()
    page.get_by_label("inside one").wait_for(state="hidden")
    shot(page, "side")
    page.get_by_label("inside two").press("Escape")
    until(page, lambda: layout.dismissed)
    open_panel("wide", "")
    page.get_by_label("inside wide").wait_for()
    page.get_by_label("inside two").wait_for(state="hidden")
    shot(page, "wide")
    page.get_by_label("Close this panel").last.click()
    until(page, lambda: layout.dismissed.n == 2)
    open_panel()
    page.get_by_label("inside wide").wait_for(state="hidden")
    assert made == ["inside one", "inside two", "inside wide"]
    drawer.end()
    assert made == []
