"""The row of tabs with thirty results in a small window, by mouse and keyboard; chips that are named and joined."""

from __future__ import annotations

from playwright.sync_api import expect

from widgets.export import ExportMenu
from widgets.results import ResultsLine

COLOURS = ["#0077bb", "#ee7733", "#009988", "#ee3377"]


def tabs(n: int, pinned: int = 0) -> list[dict]:
    return [
        {
            "key": f"k{i}",
            "title": f"Query {i} with a long name of its own",
            "count": f"{i * 1234:,}",
            "note": "SELECT 1",
            "overflow": i == 3,
            "colour": COLOURS[i % 4],
            "pinned": i < pinned,
        }
        for i in range(n)
    ]


def test_thirty_results_in_a_small_window(serve, until, shot) -> None:
    line = ResultsLine(
        export=ExportMenu(url="feed/x"), tabs=tabs(30, 1), active="k2", colours=COLOURS, undo="sort by r",
        sizing_mode="stretch_width", chips=[],
    )  # fmt: skip
    page = serve(line, size=(1024, 300))
    root = page.locator(".tv-results")
    box = root.bounding_box()
    assert box["height"] < 45 and box["width"] <= 1024
    expect(root.get_by_role("group", name="Layout")).to_be_in_viewport()
    # The list of all of them, from which one far away is opened; it then is in view.
    root.get_by_role("button", name="All 30 results").click()
    shot(page, "all")
    root.get_by_role("menuitem", name="Query 27").click()
    until(page, lambda: line.opened and line.opened.key == "k27")
    line.active = "k27"
    far = root.get_by_role("tab", name="Query 27")
    expect(far).to_be_in_viewport()
    # Arrows, moving, naming, closing by keys; a pinned tab stays.
    far.focus()
    page.keyboard.press("ArrowLeft")
    expect(root.get_by_role("tab", name="Query 26")).to_be_focused()
    page.keyboard.press("Control+ArrowRight")
    until(page, lambda: line.moved and line.moved[1:] == ("k26", 27))
    page.keyboard.press("Delete")
    until(page, lambda: line.closed and line.closed.key == "k26")
    page.keyboard.press("Home")
    expect(root.get_by_role("tab", name="Query 0")).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("F2")
    name = root.get_by_label("New name of Query 0")
    name.fill("Dwarfs <b>")
    line.tabs = [{**tab, "count": "moved on"} for tab in line.tabs]  # rows stream in while the name is typed
    expect(root.get_by_role("tab", name="Query 1 with")).to_contain_text("moved on")
    name.press("Enter")
    until(page, lambda: line.renamed and line.renamed[1:] == ("k0", "Dwarfs <b>"))
    assert line.closed.key == "k26"
    # Options of a tab: pin, colour.
    root.get_by_label("Options of Query 2 with").click()
    shot(page, "options")
    root.get_by_role("menuitem", name="Colour 4").click()
    until(page, lambda: line.coloured and line.coloured[1:] == ("k2", COLOURS[3]))
    root.get_by_role("tab", name="Query 2 with").click(button="right")
    root.get_by_role("menuitem", name="Pin").click()
    until(page, lambda: line.pinned and line.pinned[1:] == ("k2", True))
    root.get_by_role("tab", name="Query 3 with").drag_to(root.get_by_role("tab", name="Query 1 with"))
    until(page, lambda: line.moved[1:] == ("k3", 1))
    # Undo by keys, but not while a field has them.
    page.keyboard.press("Control+z")
    until(page, lambda: line.stepped and line.stepped.back)
    page.keyboard.press("Control+Shift+z")
    until(page, lambda: not line.stepped.back)
    assert root.get_by_role("button", name="Redo").is_disabled()


def test_chips_are_named_joined_and_turned_over(serve, until, shot) -> None:
    chips = [
        {"kind": "marked", "name": "0", "label": "box on <i>g, r</i>", "count": "214", "mode": "and"},
        {"kind": "marked", "name": "1", "label": "circle 3′", "count": "12", "mode": "or"},
        {"kind": "filter", "name": "r", "label": "r < 22"},
    ]
    line = ResultsLine(export=ExportMenu(url=""), tabs=tabs(2), active="k0", chips=chips, total="220 of 3,746 rows")
    page = serve(line, size=(1024, 300))
    root = page.locator(".tv-results")
    expect(root.locator(".chip").first).to_contain_text("box on <i>g, r</i> (214)")
    expect(root.get_by_text("= 220 of 3,746 rows")).to_be_visible()
    shot(page, "chips")
    root.get_by_label("How circle 3′ is joined").select_option("and not")
    until(page, lambda: line.joined and line.joined[1:] == ("1", "and not"))
    root.get_by_label("box on <i>g, r</i>, or not").select_option("not")
    until(page, lambda: line.joined[1:] == ("0", "and not"))
    root.get_by_role("button", name="circle 3′", exact=True).dblclick()
    root.get_by_label("New name of circle 3′").fill("inner part")
    page.keyboard.press("Enter")
    until(page, lambda: line.labelled and line.labelled[1:] == ("1", "inner part"))
    root.get_by_role("button", name="Invert").click()
    until(page, lambda: line.inverted is not None)
    root.get_by_role("button", name="Sets").click()
    until(page, lambda: line.asked is not None)
