"""An object in six bands, from its position to pixels that can be drawn: ours against pyvo and astropy.

Both ask the same archive over HTTP: the coadds there, the links of each, a cutout of each, the planes and their cuts.
Every object is asked for once by each, in turn, so that neither finds pixels that the other has had drawn.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from astropy.io import fits
from astropy.visualization import ZScaleInterval
from pyvo.dal import TAPService
from pyvo.dal.adhoc import DatalinkResults

from portal.archive.sample.build import build_sample
from portal.config import Settings
from portal.image import ImageFile
from portal.vo.http import Web
from portal.vo.images import ImageFiles
from portal.vo.obscore import ImageRef, coadds_at
from portal.vo.quota import Quota
from portal.vo.soda import Cutouts
from portal.vo.tap import TapService
from tests.bench.archive_process import served

OBJECTS = 6
RADIUS = 10 / 3600  # deg
FIELD = (62.0, -37.0)


def ours(cutouts: Cutouts, ra: float, dec: float) -> float:
    """Seconds until six frames can be drawn."""
    began = time.perf_counter()
    files = cutouts.files

    def one(ref: ImageRef) -> None:
        with files.file(ref.cut(ra, dec, RADIUS), threading.Event(), lambda _: None) as path:
            frame = ImageFile.open(path, ref.title, files.scratch, foreign=False).frame()
            frame.id = "one"
            frame.meta()
            frame.tile("image", 0, 0, 0)

    waiting = [files.start(one, ref) for ref in cutouts.coadds(ra, dec)]
    for future in waiting:
        future.result()
    assert len(waiting) == 6
    return time.perf_counter() - began


def notebook(service: TAPService, web: Web, ra: float, dec: float) -> float:
    """Seconds of the same with pyvo's TAP and DataLink and astropy's FITS and zscale, band after band."""
    began = time.perf_counter()
    for row in service.search(coadds_at(ra, dec)):
        links = DatalinkResults.from_result_url(row["access_url"])
        soda = links.get_adhocservice_by_ivoid("ivo://ivoa.net/std/soda#sync")
        address = next(item.value for item in soda.params if item.name == "accessURL")
        asked = {"ID": row["obs_publisher_did"], "CIRCLE": f"{ra} {dec} {RADIUS}", "CUTOUTDETAIL": "MaskedImage"}
        content = web.get(f"{address}?{urlencode(asked)}").content
        with fits.open(io.BytesIO(content)) as hdus:
            pixels = [np.asarray(hdus[name].data) for name in ("IMAGE", "MASK", "VARIANCE")]
        ZScaleInterval().get_limits(pixels[0])
    return time.perf_counter() - began


def run() -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sample = build_sample("tiny", 2026, folder / "sky", None)
        with served(sample, folder / "archive") as url:
            web = Web(Settings(tap_url=f"{url}/api/tap"))
            files = ImageFiles(web, Quota(0), folder / "images", 1 << 30, 1 << 30)
            cutouts, service = Cutouts(files, TapService(web, f"{url}/api/tap")), TAPService(f"{url}/api/tap")
            rng = np.random.default_rng(1)
            places = FIELD + rng.uniform(-0.05, 0.05, (2 * OBJECTS + 2, 2))
            ours(cutouts, *places[0].tolist())  # what is loaded and compiled on first use
            notebook(service, web, *places[1].tolist())
            first, again, by_hand = [], [], []
            for one, other in zip(places[2::2].tolist(), places[3::2].tolist()):
                first.append(ours(cutouts, *one))
                by_hand.append(notebook(service, web, *other))
                again.append(ours(cutouts, *one))
            files.close()
            web.close()
    medians = [statistics.median(times) for times in (first, again, by_hand)]
    return {
        "six bands of an object to pixels, ours, ms": 1000 * medians[0],
        "the same once more, from disk, ms": 1000 * medians[1],
        "pyvo and astropy, ms": 1000 * medians[2],
        "pyvo and astropy / ours": medians[2] / medians[0],
    }
