"""The lines and menus of the page, each alone in a browser: what a click tells Python, what Python's words show.

noun:run noun:examples noun:results noun:export noun:jobs noun:axes noun:curvebar
"""

from __future__ import annotations

import panel as pn
from playwright.sync_api import expect

from widgets.axes import Axes
from widgets.curvebar import CurveBar
from widgets.examples import Examples
from widgets.export import ExportMenu
from widgets.jobs import Jobs
from widgets.results import ResultsLine
from widgets.run import RunLine


def test_run_line(serve, until, shot) -> None:
    line = RunLine(limit=50_000, sizing_mode="stretch_width")
    page = serve(line)
    page.get_by_role("button", name="Run").click()
    until(page, lambda: line.ran and line.ran.n == 1)
    line.param.update(running=True, words="Running at the service", fraction=0.4)
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: line.stopped is not None)
    assert page.get_by_role("status").inner_text() == "Running at the service"
    box = page.get_by_label("Row limit (MAXREC)")
    assert box.input_value() == "50,000"
    box.fill("1,000,000")
    box.press("Enter")
    until(page, lambda: line.limited is not None)
    assert line.limited.rows == 1_000_000
    box.fill("many")
    box.press("Tab")
    page.wait_for_timeout(50)
    assert line.limited.rows == 1_000_000 and box.input_value() == "50,000"
    line.param.update(running=False, words="Failed", error="Unknown column <b>gmga</b>\nDid you mean gmag?")
    page.locator(".tv-error", has_text="<b>gmga</b>").wait_for()
    shot(page, "run")


def test_examples_and_history(serve, until) -> None:
    view = Examples(
        examples=[{"title": "Cone", "note": "small", "adql": "SELECT 1"}],
        history=[{"adql": "SELECT 2", "note": "today"}],
    )
    page = serve(view)
    page.get_by_text("Cone").click()
    until(page, lambda: view.picked and view.picked.adql == "SELECT 1")
    page.get_by_role("tab", name="History").click()
    page.get_by_text("SELECT 2").click()
    until(page, lambda: view.picked.adql == "SELECT 2")


def test_results_line(serve, until, shot) -> None:
    line = ResultsLine(
        export=ExportMenu(url="feed/x"),
        tabs=[
            {
                "key": "a",
                "title": "Query 1",
                "count": "3,746",
                "note": "",
                "overflow": False,
                "colour": "#07b",
                "pinned": False,
            },
            {
                "key": "b",
                "title": "Query 2",
                "count": "50,000",
                "note": "",
                "overflow": True,
                "colour": "#e73",
                "pinned": False,
            },
        ],
        active="a",
        chips=[{"kind": "marked", "name": "chart", "label": "box on gmag, imag"}],
    )
    page = serve(line)
    assert page.get_by_role("tab", selected=True).inner_text().startswith("Query 1")
    page.get_by_role("tab", name="Query 2").click()
    until(page, lambda: line.opened and line.opened.key == "b")
    page.get_by_label("Close Query 2").click()
    until(page, lambda: line.closed and line.closed.key == "b")
    page.get_by_label("Remove box on gmag, imag").click()
    until(page, lambda: line.removed and line.removed.name == "chart")
    page.get_by_role("button", name="Filter to marked").click()
    until(page, lambda: line.kept is not None)
    page.get_by_label("Sky and table").click()
    until(page, lambda: line.arranged and line.arranged.layout == "sky-table")
    page.get_by_label("One view alone").select_option("chart")
    until(page, lambda: line.arranged.layout == "chart")
    shot(page, "results")


def test_export_menu(serve, until, shot) -> None:
    menu = ExportMenu(
        url="feed/x",
        scopes=["all", "filtered", "page"],
        columns=[
            {"name": "shown", "label": "As shown", "note": "12"},
            {"name": "all", "label": "All", "note": "1,300"},
        ],
        problems={"all": {"fits": "at most 999 columns"}},
    )
    page = serve(pn.Row(pn.Spacer(width=400), menu))
    opener = page.get_by_role("button", name="Export")
    opener.click()
    until(page, lambda: menu.opened is not None)
    menu.param.update(rows={"all": 2_000_000, "filtered": 10, "page": 100}, sizes={"shown": {"csv": [100, 210]}})
    csv = page.locator("[data-format=csv]")
    assert page.get_by_role("menuitemradio", checked=True).last.get_attribute("data-key") == "columns:shown"
    assert csv.get_attribute("href") == "feed/x?format=csv&scope=filtered&columns=shown"
    page.get_by_role("menuitemradio", name="All rows 2,000,000").click()
    assert "≈ 420 MB" in csv.inner_text()
    shot(page, "export")
    page.get_by_role("menuitemcheckbox").click()
    assert csv.get_attribute("href") == "feed/x?format=csv&scope=all&columns=shown&comments=1"
    page.get_by_role("menuitemradio", name="All 1,300").click()
    assert page.get_by_role("menuitem", name="FITS at most 999 columns").get_attribute("aria-disabled") == "true"
    assert page.locator("[data-format=fits]").count() == 0 and "≈" not in csv.inner_text()

    # By keyboard: into the menu, a letter, the ends, and back to the button.
    page.keyboard.press("Escape")
    assert opener.evaluate("node => node.getRootNode().activeElement === node")
    page.keyboard.press("Enter")
    focused = """() => {
      let at = document.activeElement;
      while (at?.shadowRoot) at = at.shadowRoot.activeElement;
      return at?.dataset.key;
    }"""
    assert page.evaluate(focused) == "votable"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "votable-tabledata"
    page.keyboard.press("p")
    assert page.evaluate(focused) == "parquet"
    page.keyboard.press("Home")
    assert page.evaluate(focused) == "scope:all"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "comments"
    page.keyboard.press("Tab")
    page.get_by_role("menu").wait_for(state="hidden")

    # What was chosen stays, also for a menu made anew.
    kept = page.evaluate("localStorage.getItem('triview-export')")
    page.add_init_script(f"localStorage.setItem('triview-export', {kept!r})")  # the kit clears it at each visit
    page.reload()
    page.get_by_role("button", name="Export").click()
    assert csv.get_attribute("href") == "feed/x?format=csv&scope=all&columns=all&comments=1"


def test_jobs(serve, until) -> None:
    jobs = Jobs(
        jobs=[
            {"key": "a", "title": "Query 1", "phase": "COMPLETED", "adql": "SELECT 1", "note": "1 row", "ended": True},
            {"key": "b", "title": "Query 2", "phase": "EXECUTING", "adql": "SELECT 2", "note": "", "ended": False},
        ]
    )
    page = serve(jobs)
    page.get_by_role("button", name="Open").click()
    until(page, lambda: jobs.opened and jobs.opened.key == "a")
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: jobs.stopped and jobs.stopped.key == "b")


def test_axes(serve, until) -> None:
    axes = Axes()
    page = serve(axes)
    x, y = page.locator("input[name=x]"), page.locator("input[name=y]")
    assert x.is_disabled() and y.is_disabled()  # no result yet
    axes.param.update(x="ra", y="imag", columns=["gmag", "imag", "rmag"], note="3,746 points")
    x.fill("gmag - rmag")
    axes.param.update(x="gmag", y="rmag")
    expect(y).to_have_value("rmag")
    expect(x).to_have_value("gmag - rmag")  # what is being typed stays
    axes.y = "imag"
    expect(y).to_have_value("imag")
    x.press("Enter")
    until(page, lambda: axes.chosen and axes.chosen.x == "gmag - rmag" and axes.chosen.y == "imag")
    axes.error = "There is no column rmga."
    page.get_by_text("There is no column rmga.").wait_for()
    axes.note = "3,745 points"
    page.get_by_text("3,745").wait_for()
    expect(x).to_have_value("gmag - rmag")
    page.get_by_label("Exchange x and y").click()
    until(page, lambda: axes.chosen.x == "imag")
    axes.error = ""  # another result: a text that was refused goes with what was said of it
    expect(x).to_have_value("gmag")


def test_curve_bar(serve, until) -> None:
    bar = CurveBar(
        export=ExportMenu(),
        title="ForcedSource · 1651281746966117378",
        ready=True,
        series=["ForcedSource", "DiaSource"],
    )
    page = serve(bar)
    assert "1651281746966117378" in page.content() or page.get_by_text("1651281746966117378").is_visible()
    page.get_by_role("button", name="AB mag").click()
    until(page, lambda: bar.united and bar.united.value == "AB mag")
    page.get_by_role("button", name="diff.").click()
    until(page, lambda: bar.fluxed and bar.fluxed.value == "difference")
    page.get_by_label("Which time series").select_option("1")
    until(page, lambda: bar.served and bar.served.place == 1)
    page.get_by_role("button", name="Table").click()
    until(page, lambda: bar.tabled is not None)
