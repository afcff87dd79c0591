"""Two pages at once do not see each other, one's hard work does not hold up the other; and who may come in."""

from __future__ import annotations

import base64
import json
import re
import time

import httpx

from ui_tests.portal_kit import SLOW_QUERY, run_query, wait_rows

BIG_QUERY = "SELECT objectId, visit, detector, band, psfFlux, psfFluxErr, psfDiffFlux FROM dp1.ForcedSource"


def lag(portal, seconds: float) -> list[float]:
    """Seconds that a plain request waits for the event loop, over some time."""
    waits, end = [], time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.monotonic() < end:
            begin = time.perf_counter()
            assert client.get(f"{portal.url}/healthz").status_code == 200
            waits.append(time.perf_counter() - begin)
            time.sleep(0.02)
    return waits


def test_two_pages_do_not_see_each_other_and_hard_work_of_one_leaves_the_other_free(portal, visit) -> None:
    one, two = visit(portal), visit(portal)
    text = httpx.get(f"{portal.url}/metrics", trust_env=False).text
    assert int(float(re.search(r"^triview_pages (\S+)", text, re.MULTILINE)[1])) >= 2
    run_query(two)
    wait_rows(two)
    assert one.locator(".tv-results .tab").count() == 0
    assert one.url != two.url
    one.reload()
    one.get_by_role("button", name="Run", exact=True).wait_for()
    assert one.locator(".tv-results .tab").count() == 0

    box = one.get_by_label("Row limit (MAXREC)")
    box.fill("5000000")
    box.press("Tab")
    for row, adql in ((2, SLOW_QUERY), (3, BIG_QUERY)):
        run_query(one, adql)
        one.locator(".tv-run").get_by_role("button", name="Stop").wait_for()
        # The other page is used meanwhile: its row becomes current, its light curve comes.
        cell = two.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).nth(row)
        ident = cell.inner_text()
        cell.click()
        two.locator(".tv-table tr:has(.tv-current)", has_text=ident).first.wait_for()
        two.locator(".tv-curvebar", has_text=ident).wait_for()
        waits = sorted(lag(portal, 2.0))
        # Blocking would show as seconds; the figure itself is in the benches, as machines differ.
        assert waits[len(waits) // 2] < 1.0
        stop = one.locator(".tv-run").get_by_role("button", name="Stop")
        stop.evaluate_all(
            "buttons => buttons.forEach((button) => button.click())"
        )  # unless it has just ended by itself
        one.locator(".tv-run", has_text=re.compile("Stopped| in ")).wait_for(timeout=60_000)


def test_a_forged_token_is_refused(portal) -> None:
    payload = {"session_id": "forged", "session_expiry": 4_000_000_000, "headers": {"X-Auth-Request-User": "victim"}}
    token = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    for forged in (token, f"{token}.{'A' * 43}"):
        answer = httpx.get(f"{portal.url}/", params={"bokeh-token": forged}, trust_env=False)
        assert answer.status_code == 403


def test_other_origins_get_no_websocket(portal) -> None:
    for origin in ("http://evil.example", f"http://127.0.0.1.evil.example:{portal.port}", "null"):
        answer = httpx.get(
            f"{portal.url}/ws",
            headers={
                "Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Protocol": "bokeh, x",
            },
            trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 403, origin


def test_addresses_of_a_page_end_with_it(portal) -> None:
    assert httpx.get(f"{portal.url}/feed/{'x' * 22}", trust_env=False).status_code == 404


def test_a_link_opens_the_page_with_a_query(portal, visit) -> None:
    page = visit(portal, "/?api=tap&schema=dp1&table=dp1.Object&ra=62&dec=-37&sr=30s&execute=true")
    assert " row" in wait_rows(page)
    assert "CIRCLE('ICRS', 62.0, -37.0," in page.locator(".tv-editor .cm-content").inner_text()
