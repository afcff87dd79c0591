"""Draws the contact sheet: a colour picture of a coadd, stamps of detections, light curves of each class."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from portal.archive.sample.camera import SCALE
from portal.archive.sample.colour import lupton
from portal.archive.sample.geometry import patch_at, patch_of
from portal.archive.sample.hips import SURVEYS
from portal.archive.sample.lightcurves import CLASSES, PERIODIC
from portal.archive.sample.render import SkyPixels
from portal.chart.bands import BANDS, STYLES
from tests.gallery.pick import DIFFERENCES, Curve, Picks

WIDTH, HEIGHT, DPI = 11.0, 13.2, 105
PICTURE = 2240, 720  # coadd pixels: 7.5' x 2.4'
SIDE = 46  # pixels of a stamp
MARKS = {"u": "●", "g": "▲", "r": "▼", "i": "■", "z": "★", "y": "⬢"}
MARKERS = {"u": "o", "g": "^", "r": "v", "i": "s", "z": "*", "y": "h"}
GREYS = 40  # in the PNG's palette: pictures of noise do not shrink without one
TOP = 0.25  # part of the sheet that is in colour
BEFORE, AFTER = 40.0, 160.0  # days about an explosion that are shown


def draw(picks: Picks, pixels: SkyPixels) -> bytes:
    """The sheet as a PNG."""
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    outer = figure.add_gridspec(3, 1, height_ratios=[3.3, 3.9, 5.6], left=0.055, right=0.985, top=0.985, bottom=0.035,
                                hspace=0.12)  # fmt: skip
    _picture(figure.add_subplot(outer[0]), picks, pixels)
    _stamps(figure, outer[1], picks, pixels)
    _curves(figure, outer[2], picks)
    out = BytesIO()
    figure.savefig(out, format="png")
    with Image.open(out) as image:
        return _small_png(image.convert("RGB"))


def _small_png(image: Image.Image) -> bytes:
    """A PNG with a palette: greys, the colours of the bands as they are, and for the rest those of the picture."""
    palette = [level for level in np.linspace(0, 255, GREYS).astype(int).tolist() for _ in range(3)]
    for colour in [style.light for style in STYLES.values()]:
        palette += [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    left = 256 - len(palette) // 3
    top = image.crop((0, 0, image.width, int(image.height * TOP)))
    palette += top.quantize(left, method=Image.Quantize.MAXCOVERAGE).getpalette()[: 3 * left]
    chosen = Image.new("P", (1, 1))
    chosen.putpalette(palette)
    out = BytesIO()
    image.quantize(palette=chosen, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _picture(axes: Axes, picks: Picks, pixels: SkyPixels) -> None:
    nx, ny = PICTURE
    ra, dec = picks.rich_place(pixels.fields[0], 0.012, 0.07)
    patch = patch_of(*(int(number[0]) for number in patch_at(ra, dec)))
    x, y = (float(np.squeeze(value)) for value in patch.to_pixel(np.array([ra]), np.array([dec])))
    x0 = int(np.clip(x - nx / 2, 0, patch.nx - nx))
    y0 = int(np.clip(y - ny / 2, 0, patch.ny - ny))
    survey = SURVEYS["color_gri"]
    planes = []
    for band, factor in zip(survey.bands, survey.weights):
        image = np.nan_to_num(pixels.box("deep_coadd", patch, band, x0, y0, nx, ny).image)
        planes.append(factor * image.reshape(ny // 2, 2, nx // 2, 2).mean(axis=(1, 3)) / SCALE**2)
    colours = lupton(*planes, survey.black, survey.stretch, survey.softening)
    axes.imshow(colours, origin="lower", interpolation="nearest", aspect="auto", extent=(0, nx, 0, ny))
    ra, dec = patch.to_sky(x0 + nx / 2, y0 + ny / 2)
    axes.set_title(f"deep_coadd, i r g, about {float(ra):.3f} {float(dec):+.3f}", fontsize=9, loc="left", pad=3)
    length = 30.0 / SCALE
    axes.plot([40, 40 + length], [40, 40], color="white", lw=1.5)
    axes.text(40 + length / 2, 52, "30″", color="white", ha="center", va="bottom", fontsize=8)
    axes.set_axis_off()


def _stamps(figure: Figure, cell: Any, picks: Picks, pixels: SkyPixels) -> None:
    found = picks.detections()
    grid = cell.subgridspec(3, len(found), hspace=0.03, wspace=0.04)
    for column, (title, source) in enumerate(found):
        exposure = pixels.exposure(source["visit"], source["detector"])
        x, y = (float(value) for value in exposure.to_pixel(source["ra"], source["dec"]))
        x0, y0 = round(x) - SIDE // 2, round(y) - SIDE // 2
        visit, difference = (
            pixels.box(kind, exposure, exposure.band, x0, y0, SIDE, SIDE)
            for kind in ("visit_image", "difference_image")
        )
        sigma = float(np.sqrt(np.nanmedian(visit.variance)))
        top = max(6 * sigma, float(np.nanmax(np.abs(difference.image[18:28, 18:28]))))
        steady = visit.image - difference.image
        rows = (("visit", visit.image), ("template", steady), ("difference", difference.image))
        white = float(np.arcsinh(max(top, float(np.nanmax(visit.image))) / (2 * sigma)))
        for row, (name, image) in enumerate(rows):
            axes = figure.add_subplot(grid[row, column])
            if name == "difference":
                shown, low, high = image, -0.8 * top, 0.8 * top
            else:
                shown, low, high = np.arcsinh(image / (2 * sigma)), -1.0, white
            axes.imshow(shown, origin="lower", cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            if row == 0:
                axes.set_title(f"{title}, {source['band']}", fontsize=8, pad=3)
            if column == 0:
                axes.set_ylabel(name, fontsize=8, labelpad=3)
            if row == 2:
                about = f"S/N {source['snr']:.0f}, reliability {source['reliability']:.2f}"
                axes.set_xlabel(about, fontsize=6.5, labelpad=3)


def _curves(figure: Figure, cell: Any, picks: Picks) -> None:
    names = [name for name in CLASSES if name != "constant"]
    grid = cell.subgridspec(4, 4, hspace=0.34, wspace=0.17)
    for number, name in enumerate(names[:16]):
        axes = figure.add_subplot(grid[number // 4, number % 4])
        axes.tick_params(labelsize=6.5, length=2, pad=1.5)
        curve = picks.curve(name)
        if curve is None:
            axes.set_title(f"{name}: none in this sample", fontsize=8, pad=3)
        else:
            _curve(axes, name, curve)
        if number % 4 == 0:
            axes.set_ylabel("difference, µJy" if name in DIFFERENCES else "mag − median", fontsize=7, labelpad=1)
    for place, band in enumerate(BANDS):
        figure.text(0.80 + 0.03 * place, 0.008, f"{MARKS[band]} {band}", color=STYLES[band].light, fontsize=9)


def _curve(axes: Axes, name: str, curve: Curve) -> None:
    truth, periodic = curve.truth, name in PERIODIC
    along, title = curve.mjd - 61000, name
    good = np.ones(len(along), bool)
    if periodic:
        along = (curve.mjd - truth["epoch"]) / truth["period"] % 1.0
        title = f"{name}, {truth['period']:.4g} d"
    elif name in DIFFERENCES:
        along = curve.mjd - truth["t0"]
        good = (along > -BEFORE) & (along < AFTER)
        title = f"{name}, z = {truth['redshift']:.2f}"
    if name not in DIFFERENCES:
        good &= curve.flux > 3 * curve.error
    for band in BANDS:
        mine = good & (curve.band == band)
        style = {"fmt": MARKERS[band], "color": STYLES[band].light, "ms": 2.4, "mew": 0, "lw": 0.4, "elinewidth": 0.5}
        if name in DIFFERENCES:
            axes.errorbar(along[mine], curve.flux[mine] / 1000, curve.error[mine] / 1000, label=band, **style)
            continue
        usual = np.median(curve.flux[mine]) if mine.any() else 1.0
        magnitude = -2.5 * np.log10(curve.flux[mine] / usual)
        error = 1.0857 * curve.error[mine] / curve.flux[mine]
        shown = error < 0.12
        for turn in (0, 1) if periodic else (0,):
            axes.errorbar(along[mine][shown] + turn, magnitude[shown], error[shown], **style)
    if name not in DIFFERENCES:
        axes.invert_yaxis()
    unit = "phase" if periodic else "days since explosion" if name in DIFFERENCES else "MJD − 61000"
    axes.set_title(f"{title} ({unit})", fontsize=8, pad=3)
