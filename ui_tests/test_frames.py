"""The line above the image viewer: which images, how much, offers, an address, progress and stop."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from widgets.frames import FrameBar


def test_the_users_hand(serve: Callable[..., Page], until: Callable[..., None], shot: Callable[..., object]) -> None:
    bar = FrameBar(
        sizes=["20″", "1′"], size="20″", opened_count=3, width=330, height=300,
        offers=[{"label": "Detectors of <b>this</b> visit", "note": "Visit 1"}, {"label": "Visits here", "note": ""}],
    )  # fmt: skip
    page = serve(bar, size=(360, 320))
    expect(page.get_by_role("button", name="Row")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Opened 3").click()
    until(page, lambda: bar.followed and not bar.followed.on)
    page.get_by_label("How much of the image").select_option("1′")
    until(page, lambda: bar.sized and bar.sized.size == "1′")
    more = page.get_by_role("button", name="More")
    more.click()
    offer = page.get_by_role("button", name="Detectors of <b>this</b> visit")
    expect(offer).to_be_focused()
    shot(page, "menu")
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(offer).to_be_hidden()
    more.click()
    page.get_by_role("button", name="Visits here").click()
    until(page, lambda: bar.offered and bar.offered.place == 1)
    more.click()
    page.get_by_label("Address of a FITS file").fill("https://h/a.fits")
    page.keyboard.press("Enter")
    until(page, lambda: bar.opened and bar.opened.url == "https://h/a.fits")
    bar.param.update(progress="2 of 6 images · 1.0 of 9.1 MiB", note="24 of 60 images")
    stop = page.get_by_role("button", name="Stop")
    stop.click()
    until(page, lambda: bar.stopped is not None)
    shot(page, "progress")
    bar.progress = ""
    expect(stop).to_be_hidden()
    expect(page.get_by_text("24 of 60 images")).to_be_visible()
    more.click()
    page.get_by_role("button", name="Close all opened images").click()
    until(page, lambda: bar.cleared is not None)
    bar.param.update(opened_count=0, sizes=[])
    expect(page.get_by_role("button", name="Opened")).to_be_disabled()
    expect(page.get_by_label("How much of the image")).to_be_hidden()
