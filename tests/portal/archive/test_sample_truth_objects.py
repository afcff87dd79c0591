"""What the pipeline measures of the sky against what is there: errors, pulls, classes, blends, constant stars."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from portal.archive.sample.bands import BANDS, CALIBRATION_SCATTER, coadd_psf_sigma, mag_of
from portal.archive.sample.detection import Detected
from portal.archive.sample.forced import ForcedPhotometry
from portal.archive.sample.lightfiles import object_targets
from portal.archive.sample.objects import find_objects, object_columns
from portal.archive.sample.planting import planted_stars
from portal.archive.sample.presets import PRESETS, Field
from portal.archive.sample.truth import GALAXY, STAR, true_sky
from portal.archive.sample.variables import make_variables
from portal.archive.sample.visits import make_visits

SEED = 5


class Catalog(NamedTuple):
    field: Field
    sky: dict[str, np.ndarray]
    planted: dict[str, np.ndarray]
    found: Detected
    columns: dict[str, np.ndarray]

    @property
    def kind(self) -> np.ndarray:
        return self.sky["type"][self.found.rows]

    @property
    def alone(self) -> np.ndarray:
        """Objects that are one source, without another near."""
        held = self.found.of_sky[self.found.of_sky >= 0]
        return (np.bincount(held, minlength=len(self.found)) == 1) & (self.found.family == 1)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    field = replace(PRESETS["default"].fields[0], radius_deg=0.22)
    planted = planted_stars(SEED, field)
    sky = true_sky(SEED, field, planted)
    found = find_objects(SEED, field, sky)
    return Catalog(field, sky, planted, found, object_columns(SEED, sky, found))


def test_errors_rise_with_magnitude(catalog: Catalog) -> None:
    c, star = catalog.columns, catalog.kind != GALAXY
    for b, name in enumerate(BANDS):
        mag, error = c[f"{name}_psfMag"], c[f"{name}_psfMagErr"]
        deep = mag_of(5 * coadd_psf_sigma()[b])
        medians = []
        for at in np.arange(17.0, deep + 0.6):
            near = star & (np.abs(mag - at) < 0.2)
            if near.sum() < 4:
                continue
            medians.append(np.median(error[near]))
            background = coadd_psf_sigma()[b] / 10 ** (0.4 * (31.4 - at))
            floor = 1.0857 * np.hypot(CALIBRATION_SCATTER, background)
            assert 0.85 * floor < medians[-1] < 1.5 * floor, (name, at)
        assert (np.diff(medians) > -1e-4).all()
        assert medians[0] < 0.006
        at_limit = star & (np.abs(mag - deep) < 0.2)
        if at_limit.sum() > 5:
            assert np.median(error[at_limit]) == pytest.approx(0.217, rel=0.15)


def test_fluxes_scatter_as_their_errors_say(catalog: Catalog) -> None:
    c, one = catalog.columns, catalog.alone & (catalog.kind == STAR)
    # Faint ones are in the catalogue because noise lifted them in one of the bands: cut far above that.
    bright = one & (c["i_psfFlux"] > 15 * c["i_psfFluxErr"])
    for b, name in enumerate(BANDS):
        true = catalog.found.flux[:, b]
        for label in ("psf", "cModel", "ap12", "kron"):
            flux, error = c[f"{name}_{label}Flux"], c[f"{name}_{label}FluxErr"]
            well = bright & (flux > 60 * error)
            share = np.median((flux / true)[well]) if label in ("ap12", "kron") else 1.0  # light beyond the aperture
            pull = ((flux - share * true) / error)[bright & np.isfinite(flux)]
            assert abs(np.mean(pull)) < 0.2, (name, label)
            assert 0.9 < 1.4826 * np.median(np.abs(pull - np.median(pull))) < 1.12, (name, label)


def test_noise_is_shared_between_the_fluxes_of_a_band(catalog: Catalog) -> None:
    c, one = catalog.columns, catalog.alone & (catalog.kind == STAR)
    faint = one & (c["i_psfMag"] > 20) & (c["i_psfMag"] < 23.5)
    pull = {
        label: ((c[f"i_{label}Flux"] - catalog.found.flux[:, 3]) / c[f"i_{label}FluxErr"])[faint]
        for label in ("psf", "cModel", "ap12")
    }
    pull["r"] = ((c["r_psfFlux"] - catalog.found.flux[:, 2]) / c["r_psfFluxErr"])[faint]
    usable = np.all([np.isfinite(values) for values in pull.values()], axis=0)
    assert np.corrcoef(pull["psf"][usable], pull["cModel"][usable])[0, 1] > 0.9
    assert 0.3 < np.corrcoef(pull["psf"][usable], pull["ap12"][usable])[0, 1] < 0.9
    assert abs(np.corrcoef(pull["psf"][usable], pull["r"][usable])[0, 1]) < 0.15


def test_extendedness_separates_stars_from_galaxies_until_the_noise_hides_it(catalog: Catalog) -> None:
    c, star = catalog.columns, catalog.kind != GALAXY
    mag, extended = c["i_cModelMag"], c["refExtendedness"]
    seen = np.isfinite(extended)
    rows = []
    for bright in range(18, 25):
        here = seen & (mag >= bright) & (mag < bright + 1)
        called = here & (extended == 0)
        rows.append(((extended[here & star] == 0).mean(), star[called].mean()))
    completeness, purity = np.array(rows).T
    assert (completeness[:4] > 0.98).all() and (purity[:4] > 0.97).all()
    assert completeness[4] > 0.95 and 0.75 < completeness[5] < 0.97 and 0.6 < completeness[6] < 0.9
    assert (np.diff(completeness[4:]) < 0).all()
    assert purity[5] > 0.75 and 0.25 < purity[6] < 0.9  # galaxies outnumber stars by twenty there
    point = catalog.alone & star & (mag < 21)
    ratio = c["i_psfFlux"][point] / c["i_cModelFlux"][point]
    assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.002)


def test_blends_share_a_parent(catalog: Catalog) -> None:
    c = catalog.columns
    blended = c["detect_fromBlend"]
    assert 0.05 < blended.mean() < 0.3
    assert ((c["parentObjectId"] > 0) == blended).all()
    parents, members = np.unique(c["parentObjectId"][blended], return_counts=True)
    assert not np.isin(parents, c["objectId"]).any()
    assert members.max() < 40 and (c["deblend_nPeaks"][blended] >= 2).all()
    assert (c["i_deblend_blendedness"][blended] > 0).mean() > 0.9
    assert np.nanmax(np.abs(c["i_deblend_blendedness"][~blended])) == 0


def test_flags_are_raised_where_they_should_be(catalog: Catalog) -> None:
    c = catalog.columns
    truth = mag_of(catalog.found.flux)
    for b, name in enumerate(BANDS):
        saturated = c[f"{name}_pixelFlags_saturatedCenter"]
        if saturated.any():
            assert truth[saturated, b].max() < 17
        bad = c[f"{name}_psfFlux_flag"]
        assert 0 < bad.mean() < 0.02
        assert np.isnan(c[f"{name}_psfFlux"][bad]).all()
    used = c["r_calib_psf_used"]
    assert 0.001 < used.mean() < 0.05 and (catalog.kind[used] != GALAXY).all()


def test_constant_stars_have_chi2_of_one_in_every_magnitude(catalog: Catalog) -> None:
    field, sky, found = catalog.field, catalog.sky, catalog.found
    visits = make_visits(field, SEED)
    variables = make_variables(SEED, field, sky, catalog.planted, visits)
    targets = object_targets(sky, found, variables, len(visits))
    # An object that melted with anything may hold a variable: only what is one star by truth is constant.
    held = np.bincount(found.of_sky[found.of_sky >= 0], minlength=len(found))
    constant = (held == 1) & (catalog.kind == STAR) & (targets.light < 0)
    photometry = ForcedPhotometry(SEED, "forced", field, visits)
    r = mag_of(found.flux[:, 2])
    rng = np.random.default_rng(1)
    for bright, faint in ((15, 17), *((m, m + 1) for m in range(17, 25))):
        chosen = np.flatnonzero(constant & (r >= bright) & (r < faint))
        chosen = np.sort(rng.permutation(chosen)[:150])
        rows = int(photometry.counts(targets.x[chosen], targets.y[chosen]).sum())
        made = photometry.measure(targets, chosen, rows)
        good = made["flags"] == 0
        series = made["target"][good].astype(np.int64) * 6 + visits.band[made["visit"][good]]
        flux, weight = made["psfFlux"][good].astype(float), made["psfFluxErr"][good].astype(float) ** -2
        mean = np.bincount(series, flux * weight) / np.maximum(np.bincount(series, weight), 1e-300)
        dof = good.sum() - len(np.unique(series))
        chi2 = ((flux - mean[series]) ** 2 * weight).sum() / dof
        assert dof > 3000, bright
        assert 0.97 < chi2 < 1.03, (bright, chi2, dof)
        difference = made["psfDiffFlux"][good] / made["psfDiffFluxErr"][good]
        assert 0.97 < np.mean(difference.astype(float) ** 2) < 1.03, bright
