"""An alert packet as one FITS file: its stamps as images, its records as tables. Knows nothing of services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io import fits

from .alerts_schema import fields

STAMPS = {"cutoutDifference": "DIFFIM", "cutoutScience": "SCIENCE", "cutoutTemplate": "TEMPLATE"}
# FITS form, numpy type and what stands for null, by type of the schema.
_FORMS = {
    "long": ("K", np.int64, np.iinfo(np.int64).min),
    "int": ("J", np.int32, np.iinfo(np.int32).min),
    "float": ("E", np.float32, np.nan),
    "double": ("D", np.float64, np.nan),
    "boolean": ("B", np.uint8, 255),  # a FITS logical has no null
}


def cutouts_fits(packet: Mapping[str, Any]) -> bytes:
    """The stamps alone: PRIMARY (empty), DIFFIM, SCIENCE, TEMPLATE, as many as there are."""
    return _written(_stamps(packet))


def alert_fits(packet: Mapping[str, Any]) -> bytes:
    """Stamps, then DIASOURCE (the alert's source in row 1, earlier ones below), FORCEDPHOT, DIAOBJECT, SSSOURCE,
    MPCORBIT; tables of what the packet lacks have no rows.
    """
    one = {name: [packet[name]] if packet[name] else [] for name in ("diaObject", "ssSource", "mpc_orbits")}
    return _written(
        [
            *_stamps(packet),
            _table("DIASOURCE", "diaSource", [packet["diaSource"], *(packet["prvDiaSources"] or [])]),
            _table("FORCEDPHOT", "diaForcedSource", packet["prvDiaForcedSources"] or []),
            _table("DIAOBJECT", "diaObject", one["diaObject"]),
            _table("SSSOURCE", "ssSource", one["ssSource"]),
            _table("MPCORBIT", "mpc_orbits", one["mpc_orbits"]),
        ]
    )


def _stamps(packet: Mapping[str, Any]) -> list[Any]:
    found = []
    for field, name in STAMPS.items():
        if packet[field]:
            with fits.open(BytesIO(packet[field])) as stamp:
                found.append(fits.ImageHDU(stamp[0].data, stamp[0].header, name=name))
    return found


def _table(name: str, record: str, rows: Sequence[Mapping[str, Any]]) -> fits.BinTableHDU:
    columns = []
    for field, kind, _ in fields(record):
        values = [row[field] for row in rows]
        if kind in _FORMS:
            form, dtype, nothing = _FORMS[kind]
            array = np.array([nothing if value is None else value for value in values], dtype)
            null = None if form in "ED" else int(nothing)
            columns.append(fits.Column(field, form, array=array, null=null))
        elif kind == "string":
            texts = np.array([value or "" for value in values], "U")
            columns.append(fits.Column(field, f"{max(texts.dtype.itemsize // 4, 1)}A", array=texts))
    return fits.BinTableHDU.from_columns(columns, name=name)


def _written(parts: list[Any]) -> bytes:
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(out)
    return out.getvalue()
