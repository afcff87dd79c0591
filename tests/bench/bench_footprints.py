"""Thirty thousand footprints: read, drawn and panned in one page with Aladin's own; rows inside a coverage map.

``run()`` gives milliseconds (medians) and ratios. In the browser each way of drawing has its turn in every round, so
that a busy machine slows all alike; there is no graphics card, the processor draws.
"""

from __future__ import annotations

import statistics
import struct
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy import units as u
from mocpy import MOC
from playwright.sync_api import sync_playwright
from tornado.web import RequestHandler

from portal.sky.moc import Coverage, moc_clause
from portal.sky.outlines import Outlines, read_outlines
from portal.table.engine import run as query
from portal.table.names import ROW
from tests.bench.bench_grid import served
from ui_tests.conftest import FLAGS
from ui_tests.sky_kit import FakeHips
from widgets.sky import Sky

COUNT = 30_000
ROWS = (1_000_000, 10_000_000)
TURNS = 7

FIND = """const find = (root) => { for (const node of root.querySelectorAll("*")) {
    if (node.sky) return node.sky;
    const inside = node.shadowRoot && find(node.shadowRoot);
    if (inside) return inside;
  } return null; };"""
READY = f"() => {{ {FIND} const s = find(document)?.stage; return s?.view && s.lines?.outlines.count === {COUNT}; }}"
# Aladin's own overlay with the same outlines, made once and hidden until its turn.
THEIRS = f"""() => {{ {FIND}
  const s = find(document).stage, {{ xyz, from, count }} = s.lines.outlines;
  const deg = 180 / Math.PI;
  const place = (k) => [Math.atan2(xyz[3 * k + 1], xyz[3 * k]) * deg, Math.asin(xyz[3 * k + 2]) * deg];
  const overlay = s.library.graphicOverlay({{ color: "#6fb7ff", lineWidth: 1 }});
  s.aladin.addOverlay(overlay);
  overlay.addFootprints(Array.from({{ length: count }}, (_, i) =>
    s.library.polygon(Array.from({{ length: from[i + 1] - from[i] - 1 }}, (_, k) => place(from[i] + k)))));
  overlay.hide();
  window.overlay = overlay; }}"""
PAN = f"""([whose, turn]) => {{ {FIND}
  const s = find(document).stage;
  s.lines.shown = whose === "ours";
  if (whose === "Aladin") window.overlay.show(); else window.overlay.hide();
  const start = performance.now();
  s.go(62 + turn / 50, -37, 20);
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {{
    s.lines.gl.readPixels(9, 9, 1, 1, s.lines.gl.RGBA, s.lines.gl.UNSIGNED_BYTE, new Uint8Array(4));
    for (const sheet of s.sky.querySelectorAll("canvas")) sheet.getContext("2d")?.getImageData(9, 9, 1, 1);
    resolve(performance.now() - start);
  }}))); }}"""


def outlines_text() -> pa.Array:
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(52, 72, COUNT), rng.uniform(-44, -30, COUNT)
    half = 0.1
    return pa.array(
        f"POLYGON ICRS {a - half:.6f} {d - half:.6f} {a + half:.6f} {d - half:.6f} {a + half:.6f} {d + half:.6f} "
        f"{a - half:.6f} {d + half:.6f}"
        for a, d in zip(ra, dec)
    )


def in_a_map() -> dict[str, float]:
    """Rows inside a map of 12,000 cells of nine orders: our SQL and mocpy over the same columns."""
    coverage = Coverage("map", MOC.from_cone(62 * u.deg, -37 * u.deg, radius=6 * u.deg, max_depth=12))
    figures: dict[str, float] = {}
    for count in ROWS:
        rng = np.random.default_rng(3)
        ra, dec = rng.uniform(50, 74, count), rng.uniform(-47, -27, count)
        table = pa.table({"ra": ra, "dec": dec, ROW: np.arange(count, dtype=np.uint32)})
        start = time.perf_counter()
        clause = moc_clause("ra", "dec", coverage, "moc")
        found = query(f'SELECT "{ROW}" FROM t WHERE {clause.sql}', table)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        inside = int(coverage.moc.contains_lonlat(ra * u.deg, dec * u.deg).sum())
        theirs = time.perf_counter() - start
        assert abs(len(found) - inside) <= 1, (len(found), inside)
        figures |= {f"rows in a map, {count:,} rows: SQL": 1e3 * ours, f"… mocpy, {count:,} rows": 1e3 * theirs}
    return figures


def packed(lines: Outlines) -> bytes:
    head = struct.pack("<II", lines.count, len(lines.ra))
    parts = (lines.ra.astype("<f8"), lines.dec.astype("<f8"), lines.start.astype("<u4"), lines.row.astype("<u4"))
    return b"".join([head, *(part.tobytes() for part in parts), bytes(lines.count)])


def panned(lines: Outlines) -> dict[str, float]:
    body = packed(lines)

    class Answers(RequestHandler):
        def get(self) -> None:
            self.finish(body if self.get_query_argument("ask") == "outlines" else b"")

    def page() -> Sky:
        told = {"url": "outlines?r=1", "version": 1, "marking": 1, "note": "", "bands": []}
        return Sky(survey="hips/one", target=(62.0, -37.0, 20.0), outlines=told, width=900, height=600)

    own = Path("/usr/bin/chromium")
    times: dict[str, list[float]] = {}
    routes = [(r"/outlines", Answers), (r"/hips/(one|two)/(.*)", FakeHips)]
    with sync_playwright() as playwright, served({"/": page}, routes) as address:
        browser = playwright.chromium.launch(executable_path=str(own) if own.exists() else None, args=FLAGS)
        sheet = browser.new_page(viewport={"width": 920, "height": 640})
        sheet.goto(address)
        sheet.wait_for_function(READY, timeout=120_000)
        sheet.evaluate(THEIRS)
        for turn in range(TURNS + 1):
            for whose in ("none", "ours", "Aladin"):
                taken = sheet.evaluate(PAN, [whose, turn])
                if turn:
                    times.setdefault(whose, []).append(taken)
        browser.close()
    none, ours, theirs = (statistics.median(times[whose]) for whose in ("none", "ours", "Aladin"))
    return {
        "two frames of a pan without footprints": none,
        f"… with {COUNT:,} of ours": ours,
        f"… with {COUNT:,} of Aladin's": theirs,
        "ours / Aladin's, of a whole frame": ours / theirs,
    }


def run() -> dict[str, float]:
    texts = outlines_text()
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        lines = read_outlines(texts)
        spent.append(time.perf_counter() - start)
    return {f"reading {COUNT:,} s_region": 1e3 * statistics.median(spent), **panned(lines), **in_a_map()}
