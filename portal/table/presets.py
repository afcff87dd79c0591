"""Columns that astronomers compute every day, as expressions with unit, UCD and description ready to be changed.

AB magnitudes are 31.4 - 2.5 log10(f / nJy); there is none where the flux is not positive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.derive import Definition
from portal.table.names import ROW, quoted
from portal.table.positions import position_columns

ZERO_POINTS = {"nJy": 31.4, "uJy": 23.9, "µJy": 23.9, "mJy": 16.4, "Jy": 8.9}  # AB magnitude of a flux of one
BANDS = {"u": "em.opt.U", "g": "em.opt.B", "r": "em.opt.R", "i": "em.opt.I", "z": "em.opt.I", "y": "em.opt.I"}
BAND = re.compile(r"(?:^|_)([ugrizy])(?=_|mag|psf|flux|$)", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
RESERVED = {
    "and",
    "or",
    "not",
    "case",
    "when",
    "then",
    "else",
    "end",
    "in",
    "is",
    "null",
    "like",
    "between",
    "true",
    "false",
}


class Input(NamedTuple):
    """What a preset asks for: one of ``choices`` (columns), a number when there are none; ``value`` is proposed."""

    label: str
    choices: tuple[str, ...]
    value: str


class Preset(NamedTuple):
    key: str
    title: str
    inputs: tuple[Input, ...] = ()


def presets(columns: Sequence[Column]) -> list[Preset]:
    """What these columns allow, with likely columns chosen."""
    fluxes = [item.name for item in columns if _is_flux(item)]
    errors = [item.name for item in columns if item.is_number and _is_error(item)]
    mags = [item.name for item in columns if item.is_number and item.unit == "mag" and not _is_error(item)]
    numbers = tuple(item.name for item in columns if item.is_number)
    found = []
    if fluxes:
        flux = _columns("Flux", fluxes)
        found.append(Preset("mag", "AB magnitude", (flux,)))
        if errors:
            pair = next(((f, e) for f in fluxes for e in errors if e.startswith(f)), (fluxes[0], errors[0]))
            both = (flux._replace(value=pair[0]), _columns("Its error", errors)._replace(value=pair[1]))
            found.append(Preset("magerr", "Error of an AB magnitude", both))
    if len(mags) > 1:
        found.append(
            Preset("colour", "Colour", (_columns("Bluer", mags), _columns("Redder", mags)._replace(value=mags[1])))
        )
    if fluxes and errors:
        found.append(Preset("snr", "Signal to noise", found[1].inputs))
    if len(numbers) > 1:
        ra, dec = position_columns(columns) or numbers[:2]
        place = (Input("Right ascension", numbers, ra), Input("Declination", numbers, dec))
        found.append(
            Preset(
                "separation",
                "Separation from a position",
                (*place, Input("RA (deg)", (), ""), Input("Dec (deg)", (), "")),
            )
        )
    found.append(Preset("row", "Row number"))
    return found


def filled(key: str, inputs: Sequence[str], columns: Sequence[Column]) -> Definition:
    """The definition a preset gives for its inputs. Raises QueryError for inputs it cannot use."""
    known = {item.name: item for item in columns}
    preset = next((item for item in presets(columns) if item.key == key), None)
    if preset is None or len(inputs) != len(preset.inputs):
        raise QueryError("There is no such preset for these columns.")
    for asked, text in zip(preset.inputs, inputs):
        if asked.choices and text not in known:
            raise QueryError(f"There is no column {text}.", f"Choose one for {asked.label}.")
        if not asked.choices and not NUMBER.fullmatch(text.strip()):
            raise QueryError(f"{asked.label} wants a number.", "Positions are in degrees.")
    said = FILL[key](*(known[text] if asked.choices else text.strip() for asked, text in zip(preset.inputs, inputs)))
    return said._replace(name=_free(said.name, columns))


def _magnitude(flux: Column) -> Definition:
    zero, name = ZERO_POINTS.get(flux.unit, 31.4), written(flux.name)
    text = f"CASE WHEN {name} > 0 THEN {zero} - 2.5 * log10({name}) END"
    return Definition(_mag_name(flux.name), text, "mag", _ucd("phot.mag", flux), f"AB magnitude of {flux.name}")


def _magnitude_error(flux: Column, error: Column) -> Definition:
    name = written(flux.name)
    text = f"CASE WHEN {name} > 0 THEN 2.5 / ln(10) * {written(error.name)} / {name} END"
    return Definition(
        _mag_name(flux.name) + "Err",
        text,
        "mag",
        _ucd("stat.error;phot.mag", flux),
        f"Error of the AB magnitude of {flux.name}",
    )


def _colour(blue: Column, red: Column) -> Definition:
    bands = [_band(item) for item in (blue, red)]
    ucd = ";".join(["phot.color", *(BANDS[band] for band in bands)]) if all(bands) else "phot.color"
    name = f"{bands[0]}_{bands[1]}" if all(bands) else f"{blue.name}_{red.name}"
    return Definition(
        name, f"{written(blue.name)} - {written(red.name)}", "mag", ucd, f"Colour {blue.name} - {red.name}"
    )


def _signal(flux: Column, error: Column) -> Definition:
    text = f"{written(flux.name)} / nullif({written(error.name)}, 0)"
    return Definition(f"{flux.name}_snr", text, "", "stat.snr;phot.flux", f"Signal to noise of {flux.name}")


def _separation(ra: Column, dec: Column, ra0: str, dec0: str) -> Definition:
    text = f"3600 * distance({written(ra.name)}, {written(dec.name)}, {ra0}, {dec0})"
    return Definition(
        "separation", text, "arcsec", "pos.angDistance", f"Distance on the sky from {ra0} {dec0} (degrees)"
    )


def _row() -> Definition:
    return Definition("row", "row_number()", "", "meta.record", "Number of the row, as they came, from 1")


FILL: dict[str, Callable[..., Definition]] = {
    "mag": _magnitude,
    "magerr": _magnitude_error,
    "colour": _colour,
    "snr": _signal,
    "separation": _separation,
    "row": _row,
}


def written(name: str) -> str:
    """A column's name as it is written in an expression."""
    return name if PLAIN.fullmatch(name) and name.lower() not in RESERVED else quoted(name)


def _columns(label: str, names: Sequence[str]) -> Input:
    return Input(label, tuple(names), names[0])


def _is_error(item: Column) -> bool:
    return item.ucd.lower().startswith("stat.error") or item.name.lower().endswith(("err", "error", "sigma"))


def _is_flux(item: Column) -> bool:
    return item.is_number and not _is_error(item) and (item.unit in ZERO_POINTS or item.ucd.startswith("phot.flux"))


def _band(item: Column) -> str:
    found = BAND.search(item.name)
    return found[1].lower() if found else ""


def _ucd(first: str, item: Column) -> str:
    band = _band(item)
    return f"{first};{BANDS[band]}" if band else first


def _mag_name(flux: str) -> str:
    return re.sub("flux", "Mag", flux, flags=re.IGNORECASE) if "flux" in flux.lower() else f"{flux}_mag"


def _free(name: str, columns: Sequence[Column]) -> str:
    """The name, with a number when it is taken."""
    taken, free, n = {ROW, *(item.name.casefold() for item in columns)}, name, 2
    while free.casefold() in taken:
        free, n = f"{name}_{n}", n + 1
    return free
