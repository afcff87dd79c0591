"""The panel of sets by itself: gestures by mouse and keyboard, texts to the clipboard with ids digit by digit."""

from __future__ import annotations

from playwright.sync_api import expect
from tornado.web import RequestHandler

from widgets.sets import SetsPanel

IDS = "1651281746966117377\n1651281746966117378\n1651281746966117379\n"


class Texts(RequestHandler):
    def get(self) -> None:
        if self.get_query_argument("what") == "condition":
            self.set_status(400)
            self.finish({"message": "ADQL cannot say <b>this</b>.", "hint": "Take a list of ids."})
        else:
            assert self.get_query_argument("column") == "objectId"
            self.finish(IDS)


def test_sets_are_made_joined_and_taken_away(serve, until, shot, troubles) -> None:
    troubles.allow("status 400", "Failed to load resource")
    sets = [
        {"source": "set:1", "name": "blue <i>ones</i>", "note": "box on g, r", "count": "214 of 300", "mode": "or"},
        {"source": "set:2", "name": "north", "note": "circle", "count": "12", "mode": ""},
    ]
    panel = SetsPanel(
        url="texts", words="(box or circle 3′) and not north", total="214 of 3,746 rows", sets=sets,
        columns=["objectId", "tract"], width=340, height=640,
    )  # fmt: skip
    page = serve(panel, [(r"/texts", Texts)], size=(360, 660))
    expect(page.get_by_text("(box or circle 3′) and not north 214 of 3,746 rows")).to_be_visible()
    shot(page, "panel")
    page.get_by_label("Name of the set").fill("candidates")
    page.keyboard.press("Enter")
    until(page, lambda: panel.saved and panel.saved.name == "candidates")
    buttons = {"Filter": "kept", "Invert": "inverted", "New table": "copied", "Clear": "cleared"}
    for name, gesture in buttons.items():
        page.get_by_role("button", name=name, exact=True).click()
        until(page, lambda gesture=gesture: getattr(panel, gesture) is not None)
    page.get_by_label("Mark north").check()
    until(page, lambda: panel.switched and panel.switched[1:] == ("set:2", "or"))
    page.get_by_label("How blue <i>ones</i> is joined").select_option("and not")
    until(page, lambda: panel.switched[1:] == ("set:1", "and not"))
    page.get_by_role("button", name="north", exact=True).press("F2")
    page.get_by_label("New name of north").fill("far north")
    page.keyboard.press("Enter")
    until(page, lambda: panel.renamed and panel.renamed[1:] == ("set:2", "far north"))
    page.get_by_label("Edit north").click()
    page.get_by_label("Delete blue").click()
    until(page, lambda: panel.edited and panel.deleted and (panel.edited[1], panel.deleted[1]) == ("set:2", "set:1"))
    page.get_by_role("button", name="Copy ids").click()
    expect(page.get_by_text("3 ids copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == IDS
    page.get_by_role("button", name="Copy as ADQL").click()
    expect(page.get_by_text("ADQL cannot say <b>this</b>. Take a list of ids.")).to_be_visible()
    page.get_by_role("button", name="Add to query").click()
    until(page, lambda: panel.narrowed and panel.narrowed.column == "objectId")
    # Nothing marked: only the sets are left to act on.
    panel.param.update(words="", total="", problem=[])
    expect(page.get_by_role("button", name="Invert")).to_be_disabled()
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    shot(page, "none-dark")
