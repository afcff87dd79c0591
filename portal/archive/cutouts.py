"""What a SODA 1.0 request asks for, and the making of it: dataset ids, stencils, planes, output format.

Knows parameters and files; nothing of HTTP or jobs. Pixels come from ``images``, shapes from ``stencil``.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from astropy.io import fits

from .images import Image
from .params import Parameters, UsageError
from .stencil import Stencil, stencils

if TYPE_CHECKING:
    from .app import Archive

DETAILS = ("Image", "MaskedImage", "Exposure")
OUTSIDE = ("keep", "blank")
STRETCHES = ("asinh", "linear", "sqrt", "log")
FITS = "application/fits"
MAX_CUTS = 100  # of one job: more than a light curve's gallery shows at a time


class MultiValuedParamNotSupported(UsageError):
    """A synchronous request names several datasets or stencils (SODA 1.0, section 4)."""


class Form(NamedTuple):
    """An output format: media type, file ending, the names it answers to."""

    media_type: str
    ending: str
    names: tuple[str, ...]


FORMS = (
    Form(FITS, "fits", (FITS, "image/fits", "fits")),
    Form("image/png", "png", ("image/png", "png")),
    Form("image/jpeg", "jpeg", ("image/jpeg", "image/jpg", "jpeg", "jpg")),
)


class Cut(NamedTuple):
    """One cutout to be made: of which dataset, what shape."""

    did: str
    stencil: Stencil


class Made(NamedTuple):
    """A finished cutout: its bytes, a name for the file, its media type."""

    content: bytes
    name: str
    media_type: str


def wanted_form(asked: Parameters) -> Form:
    """The output format of RESPONSEFORMAT. Raises UsageError for an unknown one."""
    name = asked.get("RESPONSEFORMAT").strip().lower() or FITS
    for form in FORMS:
        if name in form.names:
            return form
    raise UsageError(
        f"Cutouts are not written as {name[:60]!r}.", f"Use one of: {', '.join(form.media_type for form in FORMS)}."
    )


def cuts(asked: Parameters) -> list[Cut]:
    """Every dataset with every stencil, in the order given. Raises UsageError; so do wrong formats and planes."""
    wanted_form(asked)
    asked.choice("CUTOUTDETAIL", DETAILS, "Image")
    asked.choice("OUTSIDE", OUTSIDE, "keep")
    ids = asked.all("ID")
    if not ids:
        raise UsageError("Parameter ID is missing.", "Send the obs_publisher_did of an image.")
    shapes = stencils(asked)
    if len(ids) * len(shapes) > MAX_CUTS:
        raise UsageError(
            f"{len(ids)} datasets with {len(shapes)} stencils are too many; a job makes up to {MAX_CUTS} cutouts.",
            "Spread them over several jobs.",
        )
    return [Cut(did, shape) for did in ids for shape in shapes]


def one_cut(asked: Parameters) -> Cut:
    """The only cutout of a synchronous request. Raises UsageError."""
    found = cuts(asked)
    if len(found) > 1:
        raise MultiValuedParamNotSupported(
            f"{len(found)} cutouts were asked for; here one at a time.", "Create a job at /api/cutout/jobs for several."
        )
    return found[0]


def make(archive: Archive, asked: Parameters, cut: Cut) -> Made:
    """One cutout; only its box is drawn. Raises UsageError (NoOverlap among them) or NotFound."""
    form = wanted_form(asked)
    detail = asked.choice("CUTOUTDETAIL", DETAILS, "Image") if form.ending == "fits" else "Image"
    image = archive.images.find(cut.did)
    grid = archive.images.where(image)
    box = cut.stencil.box(grid)
    blank = asked.choice("OUTSIDE", OUTSIDE, "keep") == "blank"
    whole = box == (0, 0, grid.nx, grid.ny) and form.ending == "fits" and not blank
    content = archive.images.fits(image, None if whole else box, detail)
    inside = cut.stencil.inside(grid, box) if blank else None
    name = image.file.replace(".fits", f"-{box[0]}-{box[1]}-{box[2]}x{box[3]}.{form.ending}")
    if form.ending != "fits":
        from .picture import picture  # its libraries take half a second to load

        return Made(picture(content, form.ending, asked, inside), name, form.media_type)
    if inside is not None:
        from .picture import blanked

        content = blanked(content, inside)
    return Made(_signed(content, image, cut.stencil), name, form.media_type)


def _signed(content: bytes, image: Image, stencil: Stencil) -> bytes:
    """The file with cards that say of which dataset it is a part and what was asked, as the platform writes them.

    The platform's date of the cut is left out: the same request gives the same bytes.
    """
    header = fits.Header.fromfile(io.BytesIO(content))
    size = len(header.tostring())
    header["BTLRUUID"] = (image.did.rpartition("id=")[2], "dataset this was cut from")
    header["BTLRNAME"] = image.kind
    for number, (key, value) in enumerate(image.data_id.items(), 1):
        header[f"BTLRK{number:03d}"], header[f"BTLRV{number:03d}"] = key, value
    header["ST_TYPE"] = (stencil.kind, "stencil")
    names = {"CIRCLE": ("ST_RA", "ST_DEC", "ST_RAD"), "RANGE": ("ST_RA1", "ST_RA2", "ST_DEC1", "ST_DEC2")}
    for name, value in zip(names.get(stencil.kind, ()), stencil.numbers):
        header[name] = (value, "[deg]")
    return header.tostring().encode("ascii") + content[size:]
