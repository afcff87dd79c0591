"""The answers at the back of the book: Truth (what is there) and MatchesTruth (which Object shows it)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import cells
from portal.archive.sample.bands import BANDS, mag_of
from portal.archive.sample.detection import Detected
from portal.archive.sample.lightcurves import CLASSES
from portal.archive.sample.presets import Field
from portal.archive.sample.variables import Variables
from portal.archive.sample.writing import FLUX_BITS, keep_bits

RENDER_LIMIT = 25.9  # sources fainter than this in i and undetected are not drawn
TRUTH_TYPE = np.array([2, 1, 2])  # star, galaxy, quasar -> 1 galaxies, 2 stars; 3 is a supernova


def truth_columns(
    sky: dict[str, np.ndarray], found: Detected, variables: Variables, dia_of_variable: np.ndarray
) -> dict[str, Any]:
    """Truth: a row per detected source and per supernova, by position. ``objectId`` is its Object (or host)."""
    held = np.flatnonzero(found.of_sky >= 0)
    star = np.flatnonzero(~variables.is_supernova & (found.of_sky[variables.source] >= 0))
    nova = np.flatnonzero(variables.is_supernova & (found.of_sky[variables.source] >= 0))
    n, m = len(held), len(nova)
    at = np.searchsorted(held, variables.source[star])
    of_variable = np.full(n + m, -1)
    of_variable[at] = star
    of_variable[n:] = nova
    varies = of_variable >= 0
    row = np.concatenate([held, variables.source[nova]])
    is_nova = np.arange(n + m) >= n

    def of(values: np.ndarray) -> np.ndarray:
        return np.where(varies, values[of_variable], np.nan)

    tid = np.where(is_nova, sky["tid"][row] + (1 << 52), sky["tid"][row])
    kind = np.where(varies, variables.kind[of_variable], 0)
    name = np.array(CLASSES)[kind]
    name = np.where(varies, name, np.array(["star", "galaxy", "quasar"])[sky["type"][row]])
    truth_type = np.where(is_nova, 3, TRUTH_TYPE[sky["type"][row]])
    ra = np.where(is_nova, variables.ra[of_variable], sky["ra"][row])
    dec = np.where(is_nova, variables.dec[of_variable], sky["dec"][row])
    flux = np.where(is_nova[:, None], 0.0, sky["flux"][row])
    peak = variables.delta.max(axis=1) if len(variables) else np.zeros(0)
    identifier = np.array([str(t) for t in tid])
    leaf = cells.leaf_of(ra, dec)
    columns: dict[str, Any] = {
        "id_truth_type": np.char.add(np.char.add(identifier, "_"), truth_type.astype(str)),
        "id": identifier,
        "host_galaxy": np.where(is_nova, sky["tid"][row], -1),
        "ra": ra,
        "dec": dec,
        "redshift": np.where(is_nova, of(variables.z), sky["z"][row]).astype(np.float32),
        "is_variable": varies.astype(np.int32),
        "is_pointsource": (is_nova | (sky["type"][row] != 1)).astype(np.int32),
        **{f"flux_{b}": keep_bits(flux[:, k], FLUX_BITS) for k, b in enumerate(BANDS)},
        "mag_r": mag_of(flux[:, 2]).astype(np.float32),
        "truth_type": truth_type.astype(np.int64),
        "objectId": found.object_id[found.of_sky[row]],
        "diaObjectId": np.where(varies, dia_of_variable[of_variable], 0),
        "class": name,
        "period": of(variables.period),
        "amplitude": of(variables.amplitude),
        "epoch": of(variables.epoch),
        "peak_flux": np.where(is_nova, of(peak), np.nan),
        "_healpix_29": leaf,
    }
    order = np.lexsort((tid, leaf))
    return {key: np.asarray(values)[order] for key, values in columns.items()}


def match_columns(truth: dict[str, Any], found: Detected) -> dict[str, Any]:
    """MatchesTruth: the best Object of every static truth row."""
    static = truth["truth_type"] != 3
    ids = truth["objectId"][static]
    place = np.searchsorted(found.object_id, ids)
    dx = (truth["ra"][static] - found.ra[place]) * np.cos(np.radians(found.dec[place])) * 3600
    dy = (truth["dec"][static] - found.dec[place]) * 3600
    return {
        "match_candidate": np.ones(len(ids), bool),
        "match_count": found.family[place].astype(np.int32),
        "match_chisq": np.round((dx**2 + dy**2) / found.error[place] ** 2, 4),
        "match_n_chisq_finite": np.full(len(ids), 2, np.int32),
        "id": truth["id"][static],
        "truth_type": truth["truth_type"][static].astype(np.int32),
        "match_objectId": ids,
        "id_truth_type": truth["id_truth_type"][static],
        "_healpix_29": truth["_healpix_29"][static],
    }


def light_columns(sky: dict[str, np.ndarray], found: Detected, variables: Variables, field: int = 0) -> dict[str, Any]:
    """What changes in the images of one field, a point of light each: ``delta`` is the flux in nJy above the mean
    (which the coadds show) at every visit, a fixed-size list of float32; ``render_id`` the row of ``render_columns``
    it belongs to, 0 for a transient of its own; ``kind`` the class."""
    place = found.of_sky[variables.source]
    own = np.where(place >= 0, found.object_id[place], -variables.tid)
    delta = keep_bits(variables.delta, 14)
    return {
        "tid": variables.tid,
        "field": np.full(len(variables), field, np.int32),
        "ra": variables.ra,
        "dec": variables.dec,
        "render_id": np.where(variables.is_supernova, 0, own),
        "kind": np.array(CLASSES)[variables.kind],
        "delta": pa.FixedSizeListArray.from_arrays(pa.array(delta.ravel()), delta.shape[1]),
    }


def render_columns(sky: dict[str, np.ndarray], found: Detected, field: Field) -> dict[str, Any]:
    """What the coadds show: every source of the field, detected or not, with its mean light and shape."""
    i = 31.4 - 2.5 * np.log10(sky["flux"][:, 3])
    near = field.draws(sky["ra"], sky["dec"])
    drawn = near & ((i < RENDER_LIMIT) | (found.of_sky >= 0))
    row = np.flatnonzero(drawn)
    place = found.of_sky[row]
    return {
        "id": np.where(place >= 0, found.object_id[place], -sky["tid"][row]),
        "ra": sky["ra"][row],
        "dec": sky["dec"][row],
        **{f"flux_{b}": keep_bits(sky["flux"][row, k], 14) for k, b in enumerate(BANDS)},
        "is_star": sky["type"][row] != 1,
        "r_e": keep_bits(sky["r_e"][row], 10),
        "bulge": keep_bits(sky["bulge"][row], 10),
        "q": keep_bits(sky["q"][row], 10),
        "pa": keep_bits(sky["pa"][row], 10),
        "_healpix_29": sky["leaf"][row],
    }
