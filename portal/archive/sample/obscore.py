"""ivoa.ObsCore: a row for every image of a field, whether anybody has asked for its pixels yet or not.

Raw, visit and difference images come one per visit and detector, coadds and templates one per patch and band. Whole
columns are made at a time: a wide camera lists 150,000 images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import cells, footprints, geometry
from portal.archive.sample.bands import BANDS, PHYSICAL_FILTER
from portal.archive.sample.camera import CCD_X, CCD_Y, SCALE
from portal.archive.sample.coadd import RECIPES
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import hash_key
from portal.archive.sample.times import TAI_MINUS_UTC_D, timestamps
from portal.archive.sample.visits import EXPOSURE_S, Visits

COLLECTION = "LSST.DP1"
COADDS = ("deep_coadd", "template_coadd")
EXPOSURES = ("visit_image", "difference_image", "raw")
LEVEL = {"deep_coadd": 3, "template_coadd": 3, "visit_image": 2, "difference_image": 3, "raw": 1}
# Limits of the bands in nm as Rubin's ObsCore gives them.
EM_NM = np.array([[300, 393.2], [402.6, 548.3], [551, 689.1], [693.6, 818.8], [819.2, 920.1], [927.8, 1100]])
TEXT, REAL, WHOLE = pa.string(), pa.float64(), pa.int64()
TYPES: dict[str, pa.DataType] = {
    "dataproduct_type": TEXT, "dataproduct_subtype": TEXT, "obs_title": TEXT, "facility_name": TEXT,
    "instrument_name": TEXT, "calib_level": pa.int32(), "target_name": TEXT, "obs_id": TEXT, "obs_collection": TEXT,
    "obs_publisher_did": TEXT, "access_format": TEXT, "s_ra": REAL, "s_dec": REAL, "s_fov": REAL, "s_region": TEXT,
    "s_resolution": REAL, "s_xel1": WHOLE, "s_xel2": WHOLE, "t_xel": WHOLE, "t_min": REAL, "t_max": REAL,
    "t_exptime": REAL, "t_resolution": REAL, "em_xel": WHOLE, "em_min": REAL, "em_max": REAL, "em_res_power": REAL,
    "pol_xel": WHOLE, "o_ucd": TEXT, "lsst_visit": WHOLE, "lsst_detector": WHOLE, "lsst_tract": WHOLE,
    "lsst_patch": WHOLE, "lsst_band": TEXT, "lsst_filter": TEXT, "_healpix_29": WHOLE,
}  # fmt: skip
_DID = b"ivo://org.rubinobs/usdac/lsst-dp1?repo=dp1&id="
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_UUID = np.array([k for k, letter in enumerate("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") if letter == "x"])


def obscore_columns(field: Field, seed: int, v: Visits) -> dict[str, pa.Array]:
    """The rows of a field: coadds and templates by patch and band, then the images of each visit by detector.

    Angles are ICRS degrees, times MJD in UTC, wavelengths metres. The archive adds access_url.
    """
    parts = [*_coadds(field, seed, v), *_exposures(field, seed, v)]
    return {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}


def _coadds(field: Field, seed: int, v: Visits) -> list[dict[str, pa.Array]]:
    patches = geometry.patches_of(field.ra, field.dec, field.radius_deg)
    p, band = np.repeat(np.arange(len(patches)), len(BANDS)), np.tile(np.arange(len(BANDS)), len(patches))
    centre = np.array([item.centre() for item in patches])
    tract, patch = (np.array([getattr(item, name) for item in patches], np.int64)[p] for name in ("tract", "patch"))
    fov = np.array([np.hypot(item.nx, item.ny) * item.scale / 3600 for item in patches])
    first, last = _spans(v)
    parts = []
    for kind in COADDS:
        seeing, _, inputs = RECIPES[kind]
        facts = {
            "obs_title": [
                f"{kind} - {BANDS[b]} - tract {t} patch {q}"
                for b, t, q in zip(band.tolist(), tract.tolist(), patch.tolist())
            ],
            "obs_id": _picked([f"{geometry.SKYMAP}-{item.tract}-{item.patch}" for item in patches], p),
            "s_ra": centre[p, 0],
            "s_dec": centre[p, 1],
            "s_fov": fov[p],
            "s_region": _picked([item.s_region() for item in patches], p),
            "s_resolution": seeing[band],
            "s_xel1": np.array([item.nx for item in patches], np.int64)[p],
            "s_xel2": np.array([item.ny for item in patches], np.int64)[p],
            "t_min": first[band],
            "t_max": last[band],
            "t_exptime": inputs[band] * EXPOSURE_S,
            "lsst_tract": tract,
            "lsst_patch": patch,
            "_healpix_29": cells.leaf_of(centre[:, 0], centre[:, 1])[p],
        }
        parts.append(_rows(kind, facts, band, v, _dids(seed, kind, (tract * 100 + patch) * 8 + band)))
    return parts


def _exposures(field: Field, seed: int, v: Visits) -> list[dict[str, pa.Array]]:
    i, d = footprints.detector_rows(v)
    band = v.band[i]
    ra, dec = footprints.on_sky(v, i, d, footprints.CENTRE)
    start, end = _limits(v)
    visits, detectors = footprints.exposure_names(v), footprints.detector_names(v.camera)
    began = timestamps(start)
    names = [f"{visits[one]}-{detectors[other]}" for one, other in zip(i.tolist(), d.tolist())]
    tails = [f"{BANDS[b]} - {name} {began[one]}Z" for b, name, one in zip(band.tolist(), names, i.tolist())]
    facts: dict[str, Any] = {
        "obs_id": pa.array(names, pa.string()),
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": np.full(len(i), np.hypot(CCD_X, CCD_Y) * SCALE / 3600),
        "s_region": pa.array(footprints.outlines(v, i, d), pa.string()),
        "s_xel1": np.full(len(i), CCD_X, np.int64),
        "s_xel2": np.full(len(i), CCD_Y, np.int64),
        "t_min": start[i],
        "t_max": end[i],
        "t_exptime": np.full(len(i), EXPOSURE_S),
        "lsst_visit": v.visit[i],
        "lsst_detector": d,
        "target_name": pa.array([field.name] * len(i), pa.string()),
        "_healpix_29": cells.leaf_of(ra, dec),
    }
    parts = []
    for kind in EXPOSURES:
        # Nobody has measured the seeing of a raw image.
        seeing = np.full(len(i), np.nan) if kind == "raw" else v.seeing[i, d]
        more = {"obs_title": [f"{kind} - {tail}" for tail in tails], "s_resolution": seeing}
        parts.append(_rows(kind, facts | more, band, v, _dids(seed, kind, v.visit[i] * 1000 + d)))
    return parts


def _rows(kind: str, facts: dict[str, Any], band: np.ndarray, v: Visits, did: pa.Array) -> dict[str, pa.Array]:
    """All columns of one kind of image, in fixed types; those that ``facts`` leaves out are NULL."""
    n = len(band)

    def same(value: str) -> pa.Array:
        return pa.repeat(pa.scalar(value, pa.string()), n)

    columns = {
        "dataproduct_type": same("image"),
        "dataproduct_subtype": same(f"lsst.{kind}"),
        "facility_name": same("Rubin:Simonyi"),
        "instrument_name": same(v.camera.name),
        "calib_level": np.full(n, LEVEL[kind], np.int32),
        "obs_collection": same(COLLECTION),
        "obs_publisher_did": did,
        "access_format": same("application/x-votable+xml;content=datalink"),
        "em_min": EM_NM[band, 0] / 1e9,
        "em_max": EM_NM[band, 1] / 1e9,
        "o_ucd": same("phot.count" if kind == "raw" else "phot.flux.density"),
        "lsst_band": _picked(list(BANDS), band),
        "lsst_filter": _picked(list(PHYSICAL_FILTER), band),
        **facts,
    }
    return {name: _typed(columns.get(name), kind_of, n) for name, kind_of in TYPES.items()}


def _typed(values: Any, kind: pa.DataType, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, kind)
    if isinstance(values, pa.Array):
        return values
    return pa.array(values, kind, from_pandas=True)  # NaN is NULL


def _picked(texts: list[str], index: np.ndarray) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(index))


def _limits(v: Visits) -> tuple[np.ndarray, np.ndarray]:
    """Begin and end of the exposures, MJD UTC."""
    return tuple(v.mjd + sign * EXPOSURE_S / 2 / 86400 - TAI_MINUS_UTC_D for sign in (-1, 1))


def _spans(v: Visits) -> tuple[np.ndarray, np.ndarray]:
    """Begin of the first and end of the last visit in each band, MJD UTC; NaN where a band has none."""
    start, end = _limits(v)
    own = [v.band == b for b in range(len(BANDS))]
    first = [start[chosen].min() if chosen.any() else np.nan for chosen in own]
    last = [end[chosen].max() if chosen.any() else np.nan for chosen in own]
    return np.array(first), np.array(last)


def _dids(seed: int, kind: str, key: np.ndarray) -> pa.Array:
    """Dataset ids with a random-looking UUID (version 4) each, which only seed, kind and number decide."""
    n = len(key)
    words = np.empty((n, 2), np.uint64)
    for half in (0, 1):
        words[:, half] = _mixed(_mixed(key.astype(np.uint64) + _ODD) ^ hash_key(seed, f"did/{kind}/{half}"))
    raw = words.astype(">u8").view(np.uint8).reshape(n, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.empty((n, len(_DID) + 36), np.uint8)
    text[:, : len(_DID)] = np.frombuffer(_DID, np.uint8)
    text[:, len(_DID) :] = ord("-")
    text[:, len(_DID) + _UUID] = _HEX[np.stack([raw >> 4, raw & 15], axis=-1).reshape(n, 32)]
    starts = np.arange(n + 1, dtype=np.int32) * text.shape[1]
    return pa.StringArray.from_buffers(n, pa.py_buffer(starts), pa.py_buffer(text))


def _mixed(value: np.ndarray) -> np.ndarray:
    """Scramble 64 bits (the finaliser of SplitMix64); different numbers stay different."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
