"""The answers at the back of the book: Truth (what is there) and MatchesTruth (which Object shows it)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.spatial import cKDTree

from portal.archive.sample import cells
from portal.archive.sample.bands import BANDS, flux_of, mag_of
from portal.archive.sample.detection import Detected
from portal.archive.sample.lightcurves import CLASSES, ON_HOSTS, PERIODIC
from portal.archive.sample.presets import Field
from portal.archive.sample.variables import Variables
from portal.archive.sample.writing import FLUX_BITS, keep_bits, repeated

RENDER_LIMIT = 25.9  # sources fainter than this in i and undetected are not drawn
MATCH_ARCSEC = 1.0  # Objects this near count as candidates of a match
_RIM_DEG = 1.0 / 3600.0
_VARIABILITY = {
    "none": (),
    "periodic": PERIODIC,
    "irregular": ("FLARE", "CV", "AGN"),
    "transient": ("ULENS", *ON_HOSTS),
}
_VARIABILITY_OF = np.array(
    [max(k for k, names in enumerate(_VARIABILITY.values()) if k == 0 or name in names) for name in CLASSES] + [0, 0, 0]
)
TRUTH_TYPE = np.array([2, 1, 2])  # star, galaxy, quasar -> 1 galaxies, 2 stars; 3 is a supernova


def truth_tables(
    sky: dict[str, np.ndarray], found: Detected, variables: Variables, dia_of_variable: np.ndarray, field: Field
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Truth and MatchesTruth: a row per source brighter than RENDER_LIMIT or detected, and per event, by position.

    Truth has the columns of dp02_dc2_catalogs.TruthSummary and what the simulation knows besides: ``objectId`` the
    Object that shows the source (NULL if none; of an event that of its host), ``class``, ``variability``, and the
    columns of ``Variables``. In MatchesTruth an Object stands at the brightest of the sources that melt into it.
    """
    static = _static_rows(sky, field, found)
    event = np.flatnonzero(variables.is_supernova & field.holds(variables.ra, variables.dec))
    n = len(static)
    row = np.concatenate([static, variables.source[event]])
    of_variable = np.full(len(row), -1)
    stars = np.flatnonzero(~variables.is_supernova)
    order = np.argsort(static)
    at = np.minimum(np.searchsorted(static[order], variables.source[stars]), max(n - 1, 0))
    known = static[order][at] == variables.source[stars]
    of_variable[order[at[known]]] = stars[known]
    of_variable[n:] = event
    ra = np.concatenate([sky["ra"][static], variables.ra[event]])
    dec = np.concatenate([sky["dec"][static], variables.dec[event]])
    tid = np.concatenate([sky["tid"][static], variables.tid[event]])
    leaf = cells.leaf_of(ra, dec)
    order = np.lexsort((tid, leaf))
    row, of_variable, ra, dec, tid, leaf = (a[order] for a in (row, of_variable, ra, dec, tid, leaf))
    is_event = order >= n
    place = found.of_sky[row]
    truth = _truth_columns(sky, row, is_event, ra, dec, tid, variables, of_variable)
    truth["objectId"] = pa.array(found.object_id[place], mask=place < 0)
    truth["diaObjectId"] = np.where(of_variable >= 0, dia_of_variable[of_variable] if len(variables) else 0, 0)
    truth["_healpix_29"] = leaf
    place = np.where(~is_event & (place >= 0) & (found.rows[place] == row), place, -1)
    return truth, _match_columns(truth, found, place)


def _static_rows(sky: dict[str, np.ndarray], field: Field, found: Detected) -> np.ndarray:
    """Rows of the sky that Truth lists: what an Object shows, and of the rest what is bright enough to be drawn.

    ``found`` may hold more than the field: what has its Object elsewhere is listed there. At the rim of the disc an
    undetected source may be an Object outside, and is left out.
    """
    detected = np.flatnonzero(found.of_sky >= 0)
    place = found.of_sky[detected]
    undetected = np.flatnonzero((found.of_sky < 0) & (sky["flux"][:, 3] > flux_of(RENDER_LIMIT)))
    ra, dec = sky["ra"][undetected], sky["dec"][undetected]
    inside = field.holds(ra, dec) & Field.holds(field, ra, dec, -_RIM_DEG)
    own = field.holds(found.ra[place], found.dec[place])
    return np.sort(np.concatenate([detected[own], undetected[inside]]))


def _truth_columns(
    sky: dict[str, np.ndarray], row: np.ndarray, is_event: np.ndarray, ra: np.ndarray, dec: np.ndarray,
    tid: np.ndarray, variables: Variables, of_variable: np.ndarray,
) -> dict[str, Any]:  # fmt: skip
    varies = of_variable >= 0

    def of(values: np.ndarray) -> np.ndarray:
        out = np.full(len(row), np.nan)
        out[varies] = values[of_variable[varies]]
        return out

    code = np.where(varies, 0, -1 - sky["type"][row])  # negative: nothing but its type
    code[varies] = variables.kind[of_variable[varies]]
    names = np.array([*CLASSES, "quasar", "galaxy", "star"])  # the last ones by index from the end
    truth_type = np.where(is_event, 3, TRUTH_TYPE[sky["type"][row]])
    flux = np.where(is_event[:, None], 0.0, sky["flux"][row])
    identifier = pa.array(tid).cast(pa.string())
    with np.errstate(divide="ignore"):
        mag_r = np.where(is_event, np.nan, mag_of(flux[:, 2]))
    return {
        "id_truth_type": pc.binary_join_element_wise(identifier, pa.array(truth_type).cast(pa.string()), "_"),
        "id": identifier,
        "host_galaxy": np.where(is_event, sky["tid"][row], -1),
        "ra": ra,
        "dec": dec,
        "redshift": sky["z"][row].astype(np.float32),
        "is_variable": varies.astype(np.int32),
        "is_pointsource": (is_event | (sky["type"][row] != 1)).astype(np.int32),
        **{f"flux_{b}": keep_bits(flux[:, k], FLUX_BITS) for k, b in enumerate(BANDS)},
        "ebv": keep_bits(cells.reddening(ra, dec), 10),
        "mag_r": mag_r.astype(np.float32),
        "truth_type": truth_type.astype(np.int64),
        "class": repeated(names, code % len(names)),
        "variability": repeated(np.array(list(_VARIABILITY)), _VARIABILITY_OF[code % len(names)]),
        **{name: of(getattr(variables, name)) for name in ("period", "amplitude", "epoch", "t0", "duration")},
        **{name: of(getattr(variables, name)).astype(np.float32) for name in ("stretch", "peak_mag")},
    }


def _match_columns(truth: dict[str, Any], found: Detected, place: np.ndarray) -> dict[str, Any]:
    """MatchesTruth; ``place`` is the matched Object of each row of Truth, or -1."""
    ra, dec = truth["ra"], truth["dec"]
    matched = place >= 0
    dx = (ra - found.ra[place]) * np.cos(np.radians(dec)) * 3600
    dy = (dec - found.dec[place]) * 3600
    chi2 = np.where(matched, np.round((dx**2 + dy**2) / found.error[place] ** 2, 4), np.nan)
    points = _sphere(found.ra, found.dec)
    count = cKDTree(points).query_ball_point(_sphere(ra, dec), np.radians(MATCH_ARCSEC / 3600), return_length=True)
    return {
        "match_candidate": truth["truth_type"] != 3,
        "match_count": np.maximum(count, matched).astype(np.int32),
        "match_chisq": chi2,
        "match_n_chisq_finite": np.where(matched, 2, 0).astype(np.int32),
        "id": truth["id"],
        "truth_type": truth["truth_type"].astype(np.int32),
        "match_objectId": pa.array(found.object_id[place], mask=~matched),
        "id_truth_type": truth["id_truth_type"],
        "_healpix_29": truth["_healpix_29"],
    }


def _sphere(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)


def light_columns(sky: dict[str, np.ndarray], found: Detected, variables: Variables, field: Field) -> dict[str, Any]:
    """What changes in the images of one field, a point of light each: ``delta`` is the flux in nJy above the mean
    (which the coadds show) at every visit, a fixed-size list of float32; ``render_id`` the row of ``render_columns``
    it belongs to, 0 for a transient of its own; ``kind`` the class."""
    shown = np.flatnonzero(field.draws(variables.ra, variables.dec))
    place = found.of_sky[variables.source[shown]]
    own = np.where(place >= 0, found.object_id[place], -variables.tid[shown])
    delta = keep_bits(variables.delta[shown], 14)
    return {
        "tid": variables.tid[shown],
        "field": np.full(len(shown), field.number, np.int32),
        "ra": variables.ra[shown],
        "dec": variables.dec[shown],
        "render_id": np.where(variables.is_supernova[shown], 0, own),
        "kind": repeated(np.array(CLASSES), variables.kind[shown]),
        "delta": pa.FixedSizeListArray.from_arrays(pa.array(delta.ravel()), variables.delta.shape[1]),
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
