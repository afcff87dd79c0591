"""Is what varies like what varies in the sky? Shapes of every class, and periods found again by LombScargle."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from portal.archive.sample import irregular, presets
from portal.archive.sample import lightcurves as lc
from portal.archive.sample import supernovae as sn
from portal.archive.sample.forced import FLAG_NO_FLUX, FLAG_SATURATED, ForcedPhotometry, Targets, plane
from portal.archive.sample.planting import PLANTED, planted_stars
from portal.archive.sample.templates import distance_modulus
from portal.archive.sample.variables import Variables, make_variables
from portal.archive.sample.visits import Visits, make_visits

ONE = np.ones(1)
PHASE = np.linspace(0, 1, 400, endpoint=False)
R = np.full(400, 2)


def planted_alone(seed: int, field: presets.Field, visits: Visits) -> tuple[Variables, np.ndarray]:
    """The planted stars of a field in an otherwise empty sky, and their mean fluxes."""
    stars = planted_stars(seed, field)
    n = len(stars["tid"])
    sky = {name: stars[name] for name in ("tid", "ra", "dec", "flux")}
    sky |= {"type": np.zeros(n, np.int8), "z": np.full(n, np.nan)}
    sky |= {name: np.zeros(n) for name in ("bulge", "r_e", "q", "pa")}
    variables = make_variables(seed, field, sky, stars, visits)
    return variables, sky["flux"][variables.source]


def light_curve(
    variables: Variables, mean: np.ndarray, k: int, field: presets.Field, photometry: ForcedPhotometry
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """MJD, band, magnitude and its error of forced photometry of one star, where it is measured well."""
    one = slice(k, k + 1)
    x, y = plane(variables.ra[one], variables.dec[one], field.ra, field.dec)
    targets = Targets(variables.tid[one], x, y, mean[one], np.zeros((1, 6)), np.zeros(1, int), variables.delta[one])
    made = photometry.measure(targets, np.arange(1), int(photometry.counts(x, y)[0]))
    good = (made["flags"] & (FLAG_NO_FLUX | FLAG_SATURATED)) == 0
    good &= made["psfFlux"] > 5 * made["psfFluxErr"]
    visit, flux = made["visit"][good], made["psfFlux"][good].astype(float)
    visits = photometry.visits
    error = np.hypot(1.086 * made["psfFluxErr"][good] / flux, 0.01)
    return visits.mjd[visit], visits.band[visit], 31.4 - 2.5 * np.log10(flux), error


def period_of(name: str, curve: tuple[np.ndarray, ...]) -> float:
    """Period by LombScargle over all bands: the best peaks with one sine, and of these and their multiples the best
    with several."""
    t, band, mag, error = curve
    height = lc.BAND_AMPLITUDE.get(name, np.ones(6))
    mag, error = mag.copy(), error / height[band]
    for b in np.unique(band):
        mag[band == b] = (mag[band == b] - np.median(mag[band == b])) / height[b]
    low, high, terms = {"RRab": (1.2, 3.0, 3), "CEP": (0.03, 1.0, 3), "EA": (0.1, 3.0, 5)}[name]
    frequency = np.arange(low, high, 1 / (1100 * 8))
    power = LombScargle(t, mag, error).power(frequency, method="fast", assume_regular_frequency=True)
    peaks = np.flatnonzero((power[1:-1] > power[:-2]) & (power[1:-1] > power[2:])) + 1
    best = frequency[peaks[np.argsort(power[peaks])[::-1][:12]]]
    tried = np.unique(np.concatenate([best * part for part in (1 / 4, 1 / 3, 1 / 2, 1, 2)]))
    power = LombScargle(t, mag, error, nterms=terms).power(tried, method="chi2")
    return float(1 / tried[np.argmax(power)])


def test_lomb_scargle_gives_the_periods_back() -> None:
    """At least 95% of RRab, EA and Cepheids, half and double the period allowed, on the visits of the default field."""
    field, tried, right = presets.PRESETS["default"].fields[0], {}, {}
    for seed, names in ((7, ("RRab", "CEP", "EA")), (2026, ("EA",))):
        visits = make_visits(field, seed)
        photometry = ForcedPhotometry(seed, "forced", field, visits)
        variables, mean = planted_alone(seed, field, visits)
        for name in names:
            for k in np.flatnonzero(variables.kind == lc.CLASS_ID[name]):
                ratio = period_of(name, light_curve(variables, mean, k, field, photometry)) / variables.period[k]
                tried[name] = tried.get(name, 0) + 1
                right[name] = right.get(name, 0) + (min(abs(ratio * part - 1) for part in (0.5, 1, 2)) < 2e-3)
    assert tried["RRab"] > 20 and tried["EA"] > 30 and tried["CEP"] >= 5
    for name, n in tried.items():
        assert right[name] >= 0.95 * n, (name, right[name], n)


def test_every_class_is_planted_and_larger_fields_hold_what_smaller_ones_do() -> None:
    held: dict[str, dict[int, float]] = {}
    for name in ("tiny", "small", "default"):
        field = presets.PRESETS[name].fields[0]
        stars = planted_stars(3, field)
        inside = field.holds(stars["ra"], stars["dec"])
        held[name] = dict(zip(stars["tid"][inside].tolist(), stars["period"][inside].tolist(), strict=True))
        counts = np.bincount(stars["kind"][inside], minlength=len(lc.CLASSES))
        for star, plan in PLANTED.items():
            assert counts[lc.CLASS_ID[star]] >= plan.core
    for smaller, larger in (("tiny", "small"), ("small", "default")):
        assert held[smaller].keys() <= held[larger].keys()
    ecliptic = presets.PRESETS["default"].fields[1]
    assert ecliptic.holds(*(planted_stars(3, ecliptic)[name] for name in ("ra", "dec"))).sum() > 10


def test_pulsators_rise_steeply_and_are_redder_when_faint() -> None:
    ratio = lc.pulsation_ratio("RRab", PHASE, R, ONE, ONE, 0 * ONE, 0.5 * ONE)[0]
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert 2.5 * np.log10(ratio.max() / ratio.min()) == pytest.approx(1, abs=0.02)
    assert np.argmax(ratio) in (0, 399)  # the epoch is that of maximum light
    assert (np.argmax(ratio) - np.argmin(ratio)) % 400 / 400 < 0.3  # a steep rise, a slow decline
    g, i = (lc.pulsation_ratio("RRab", PHASE, np.full(400, b), ONE, ONE, 0 * ONE, ONE)[0] for b in (1, 3))
    assert np.ptp(np.log10(g)) / np.ptp(np.log10(i)) == pytest.approx(1.40 / 0.79, abs=0.02)
    assert np.argmin(g / i) == pytest.approx(np.argmin(g), abs=3)


def test_the_bump_of_cepheids_wanders_with_the_period() -> None:
    def bump(days: float) -> float:
        """Phase at which the light of a Cepheid exceeds that of one far from the resonance most."""
        phase = lc.pulsation_ratio("CEP", PHASE * days, R, days * ONE, ONE, 0 * ONE, ONE)[0]
        plain = lc.pulsation_ratio("CEP", PHASE * 400.0, R, 400.0 * ONE, ONE, 0 * ONE, ONE)[0]
        return float(PHASE[np.argmax(phase / phase.mean() - plain / plain.mean())])

    assert 0.2 < bump(6.5) < 0.3  # on the fall
    assert bump(13.0) > 0.7  # on the rise


def test_eclipses_are_as_deep_as_geometry_and_temperatures_say() -> None:
    radii, kelvin = np.array([[0.25, 0.25]]), np.array([[8000.0, 5000.0]])
    none, edge_on = np.zeros(1), np.zeros(1)
    curve = {b: lc.eclipse_ratio(PHASE[None, :], np.full(400, b), radii, edge_on, kelvin, none)[0] for b in (1, 4)}
    for b, light in curve.items():
        bright = lc.planck(np.array([480.0, 622, 754, 869])[b - 1 : b], np.array([8000.0, 5000.0]))
        if b == 1:  # equal discs seen edge-on hide each other wholly
            assert light[0] == pytest.approx(bright[1] / bright.sum(), abs=1e-3)
            assert light[200] == pytest.approx(bright[0] / bright.sum(), abs=1e-3)
        assert light[100] == 1
    assert curve[1][0] < curve[4][0] and curve[1][200] > curve[4][200]  # primary eclipses are redder, secondary bluer
    grazing = lc.eclipse_ratio(PHASE[None, :], R, radii, np.array([0.45]), kelvin, none)[0]
    assert 0.8 < grazing[0] < 1
    assert (lc.eclipse_ratio(PHASE[None, :], R, radii, np.array([0.55]), kelvin, none) == 1).all()


def test_spots_dim_the_blue_more() -> None:
    light = {b: lc.spot_ratio(PHASE, np.full(400, b), ONE, 0.1 * ONE, 0 * ONE, 0.5 * ONE)[0] for b in (1, 4)}
    assert np.ptp(light[1]) > 1.2 * np.ptp(light[4]) > 0.02
    assert light[1].mean() == pytest.approx(1, abs=0.02)


def test_flares_rise_in_minutes_and_decay_in_two_steps() -> None:
    t = np.linspace(-2, 10, 1201)
    shape = irregular.flare_shape(t)
    assert shape.max() == pytest.approx(1, abs=0.02) and (shape[t < -1] == 0).all()
    wide = t[shape > 0.5]
    assert np.ptp(wide) == pytest.approx(1, abs=0.1)  # times are in units of the width at half height
    mjd = 61000 + np.arange(0, 40, 0.01)
    flux = irregular.flare_flux(1, np.array([5]), mjd, np.zeros(4000, int), np.array([1000.0]))[0]
    red = irregular.flare_flux(1, np.array([5]), mjd, np.full(4000, 5), np.array([1000.0]))[0]
    assert flux.min() < 1e-6 and flux.max() > 100 > np.median(flux)
    assert (flux >= red).all() and flux.sum() == pytest.approx(1.145 * red.sum(), rel=0.01)  # 9500 K


def test_dwarf_novae_erupt_again_and_again() -> None:
    mjd = np.arange(61000.0, 61600.0, 0.5)
    quiet = np.full((1, 6), 1000.0)
    args = np.array([3]), mjd, np.full(len(mjd), 2), quiet, np.array([40.0]), np.array([4.0]), np.array([60990.0])
    flux = irregular.outburst_flux(9, *args)[0]
    height = 2.5 * np.log10(1 + flux.max() / 1000)
    assert 3.5 < height < 4.5
    up = flux > 0.3 * flux.max()
    assert 12 < (np.diff(up.astype(int)) == 1).sum() < 18  # 600 days / 40
    assert up.mean() < 0.35 and abs(np.median(flux)) < 300


def test_a_lens_magnifies_as_paczynski_says() -> None:
    t = np.linspace(-200, 200, 801)
    blue, red = (
        irregular.lens_ratio(t, np.full(801, b), 0 * ONE, 20 * ONE, 0.1 * ONE, part * ONE)[0]
        for b, part in ((2, 1.0), (4, 0.7))
    )
    assert blue.max() == pytest.approx((0.01 + 2) / (0.1 * np.sqrt(0.01 + 4)))
    assert np.allclose(blue, blue[::-1]) and blue[0] == pytest.approx(1, abs=1e-3)
    u = np.hypot(0.1, 20 / 20)
    assert np.interp(20.0, t, blue) == pytest.approx((u**2 + 2) / (u * np.sqrt(u**2 + 4)), rel=1e-6)
    assert red.max() < 0.7 * blue.max()  # blended light is not magnified


def test_quasars_wander_as_a_damped_random_walk() -> None:
    """The structure function is sqrt(2) sigma sqrt(1 - exp(-dt / tau)) (MacLeod et al. 2010, ApJ 721, 1014)."""
    n, tau, sigma = 150, 100.0, 0.2
    mjd = np.arange(60950.0, 62150.0, 5.0)
    ratio = irregular.walk_ratio(
        4, np.arange(n), mjd, np.full(len(mjd), 2), np.full(n, sigma), np.full(n, tau)
    )  # fmt: skip
    mag = -2.5 * np.log10(ratio)
    for lag in (2, 10, 20, 60):
        found = np.sqrt(np.mean((mag[:, lag:] - mag[:, :-lag]) ** 2))
        assert found == pytest.approx(np.sqrt(2) * sigma * np.sqrt(1 - np.exp(-5.0 * lag / tau)), rel=0.08)
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    u = irregular.walk_ratio(4, np.arange(n), mjd, np.zeros(len(mjd), int), np.full(n, sigma), np.full(n, tau))
    assert np.std(np.log(u)) > 1.25 * np.std(np.log(ratio))  # bluer when brighter


def at_z(name: str, z: float, days: np.ndarray, band: int, stretch: float = 1.0) -> np.ndarray:
    """AB magnitude of an average event; inf before it."""
    with np.errstate(divide="ignore"):
        flux = sn.event_flux(name, days, np.full(len(days), band), z * ONE, 0 * ONE, stretch * ONE, 0 * ONE, 0 * ONE)
        return 31.4 - 2.5 * np.log10(flux[0])


def test_supernovae_ia_are_standard_candles_with_a_second_maximum() -> None:
    days = np.arange(-40.0, 150.0)
    near = 0.001
    g = at_z("SNIa", near, days, 1) - distance_modulus(near)
    assert g.min() == pytest.approx(-19.35, abs=0.15) and abs(days[np.argmin(g)]) <= 2
    decline = g[np.argmin(g) + 15] - g.min()
    assert 0.7 < decline < 1.15  # B falls by 1.1 in 15 days, g by less
    assert np.isinf(g[days < -19]).all()
    i = at_z("SNIa", near, days, 3)
    dip, second = (i[(days > low) & (days < high)] for low, high in ((8, 16), (18, 30)))
    assert second.min() < dip.max() - 0.15
    assert 0.010 < (g[days == 100][0] - g[days == 60][0]) / 40 < 0.025  # the tail of cobalt
    broad, narrow = at_z("SNIa", near, days, 1, 1.1), at_z("SNIa", near, days, 1, 0.9)
    assert broad.min() - narrow.min() == pytest.approx(-0.3, abs=0.02)  # Phillips
    later = np.flatnonzero(days == 15)[0]
    assert narrow[later] - narrow.min() > broad[later] - broad.min() + 0.1


@pytest.mark.parametrize("name", list(sn.PEAK))
def test_distance_dims_and_time_is_dilated(name: str) -> None:
    days = np.arange(-80.0, 250.0, 0.25)
    close = at_z(name, 0.001, days, 1)
    for band, z in ((2, 622 / 480 - 1), (3, 754 / 480 - 1)):  # redshifts that bring the light of g into r and i
        far = at_z(name, z, days, band)
        dimmer = distance_modulus(z) - distance_modulus(0.001) - 2.5 * np.log10(1 + z)
        assert far.min() - close.min() == pytest.approx(dimmer, abs=0.02)
        longer = (far < far.min() + 1).sum() / (close < close.min() + 1).sum()
        assert longer == pytest.approx(1 + z, rel=0.03)


def test_plateaus_and_disruptions_have_their_own_shapes() -> None:
    days = np.arange(-60.0, 300.0)
    ii, ibc, tde = (at_z(name, 0.01, days, 2) for name in ("SNII", "SNIbc", "TDE"))
    at = {day: int(np.flatnonzero(days == day)[0]) for day in (10, 70, 120, 200)}
    assert ii[at[70]] - ii[at[10]] < 0.5 and ii[at[120]] - ii[at[70]] > 1.5  # a plateau and its end
    assert ibc[at[70]] - ibc[at[10]] > 1.2
    fall = 10 ** (-0.4 * (tde[at[200]] - tde.min()))
    assert fall == pytest.approx((1 + 200 / 1.01 / 45) ** (-5 / 3), rel=0.02)
    lit = (days > -30) & (days < 250)
    blue = (at_z("TDE", 0.01, days, 1)[lit] - tde[lit]).round(3)
    assert len(set(blue)) == 1 and blue[0] < -0.2  # hot all the time
    green = at_z("SNII", 0.01, days, 1)
    assert green[at[70]] - ii[at[70]] > green[at[10]] - ii[at[10]] + 0.3


def test_amplitudes_of_the_truth_are_what_the_light_does() -> None:
    field = presets.PRESETS["default"].fields[0]
    visits = make_visits(field, 7)
    variables, mean = planted_alone(7, field, visits)
    in_r = visits.band == 2
    for name, least in (("RRab", 0.93), ("RRc", 0.93), ("CEP", 0.9), ("EW", 0.85), ("ROT", 0.8)):
        k = np.flatnonzero(variables.kind == lc.CLASS_ID[name])
        mags = -2.5 * np.log10(mean[k, 2, None] + variables.delta[k][:, in_r])
        share = np.ptp(mags, axis=1) / variables.amplitude[k]
        assert len(k) > 3 and np.median(share) > least and share.max() < 1.12, name
