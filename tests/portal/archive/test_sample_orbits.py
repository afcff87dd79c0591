"""Orbits, observers, phase functions, MOID: against astropy, numerical integration and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, GeocentricMeanEcliptic, SkyCoord, get_body_barycentric_posvel
from astropy.time import Time
from astropy.utils import iers
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, minimize

from portal.archive.sample import orbits as ob
from portal.archive.sample import solarlight, solarmoid, solarnames, solarobjects

SITE = -70.7494, -30.2446, 2663.0


def some_orbits(n: int = 200, seed: int = 3) -> ob.Orbits:
    rng = np.random.default_rng(seed)
    return ob.Orbits(
        rng.uniform(0.9, 45, n), rng.uniform(0, 0.9, n), rng.uniform(0.1, 60, n), rng.uniform(0, 360, n),
        rng.uniform(0, 360, n), 61000 + rng.uniform(-3000, 3000, n),
    )  # fmt: skip


def test_kepler_equation_is_solved():
    rng = np.random.default_rng(1)
    mean, e = rng.uniform(-np.pi, np.pi, 3000), rng.uniform(0, 0.97, 3000)
    found = ob.eccentric_anomaly(mean, e)
    assert np.abs(found - e * np.sin(found) - mean).max() < 1e-12
    for k in range(40):
        root = brentq(lambda x, k=k: x - e[k] * np.sin(x) - mean[k], -4, 4, xtol=1e-14)
        assert found[k] == pytest.approx(root, abs=1e-11)


def test_states_follow_newtons_law():
    orbits = some_orbits(4)
    start = 61000.0
    place, velocity = orbits.state(start)
    for k in range(4):
        span = min(2 * np.pi / orbits.motion[k], 1500.0)

        def pull(_: float, y: np.ndarray) -> np.ndarray:
            return np.concatenate([y[3:], -(ob.GAUSS**2) * y[:3] / np.linalg.norm(y[:3]) ** 3])

        first = np.concatenate([place[k], velocity[k]])
        done = solve_ivp(pull, (0, span), first, "DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        end = orbits[[k]].state(start + span)
        assert np.abs(done[:3] - end[0][0]).max() < 1e-8
        assert np.abs(done[3:] - end[1][0]).max() < 1e-9


def test_many_times_agree_with_one():
    orbits = some_orbits(50)
    t = np.array([60900.0, 61300.5, 62000.25])
    for k, when in enumerate(t):
        assert np.abs(orbits.places(t)[:, k] - orbits.state(when)[0]).max() < 1e-12


@pytest.mark.filterwarnings("ignore:Tried to get polar motions")
def test_observers_against_astropy():
    t = Time(np.linspace(60950, 62100, 25), format="mjd", scale="tai")
    # The tables that came with astropy do, however old they are by the calendar of this machine.
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "warn"),
    ):
        earth, earth_v = get_body_barycentric_posvel("earth", t, "builtin")
        sun, sun_v = get_body_barycentric_posvel("sun", t, "builtin")
        site, site_v = EarthLocation.from_geodetic(*SITE).get_gcrs_posvel(t)
    place = (earth - sun + site).xyz.to_value(u.au).T
    velocity = (earth_v - sun_v + site_v).xyz.to_value(u.au / u.day).T
    ours = ob.observers(t.mjd, *SITE)
    assert np.abs(ours.place - place).max() < 1e-8  # 1.5 km
    assert np.abs(ours.velocity - velocity).max() * ob.KM_S < 1e-3
    distance = np.linalg.norm(ours.place, axis=1)
    assert 0.983 < distance.min() < 0.984 and 1.016 < distance.max() < 1.017


def test_sky_frames_against_astropy():
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    sky = SkyCoord(ra * u.deg, dec * u.deg)
    lon, lat = ob.galactic(ra, dec)
    assert sky.galactic.separation(SkyCoord(lon * u.deg, lat * u.deg, frame="galactic")).arcsec.max() < 0.1
    lam, beta = ob.ecliptic(ra, dec)
    there = SkyCoord(lam * u.deg, beta * u.deg, distance=1e9 * u.pc, frame=GeocentricMeanEcliptic(equinox="J2000"))
    far = SkyCoord(ra * u.deg, dec * u.deg, distance=1e9 * u.pc)
    # The geocentric frame has aberration in it, the obliquities differ by 0.04 arcsec.
    assert far.transform_to(GeocentricMeanEcliptic(equinox="J2000")).separation(there).arcsec.max() < 25
    assert np.abs(ob.ecliptic(np.array([0.0, 180.0]), np.array([0.0, 0.0]))[1]).max() < 1e-12
    assert ob.ecliptic(np.array([270.0]), np.array([90 - 84381.448 / 3600]))[1] == pytest.approx([90.0], abs=1e-5)


def test_orbits_lead_through_their_places():
    rng = np.random.default_rng(6)
    n = 400
    a, e, incl = rng.uniform(1.2, 40, n), rng.uniform(0, 0.8, n), rng.uniform(25, 80, n)
    mean, t = rng.uniform(-np.pi, np.pi, n), rng.uniform(60950, 62000, n)
    r = a * (1 - e * np.cos(ob.eccentric_anomaly(mean, e)))
    lon, lat = rng.uniform(0, 360, n), rng.uniform(-24, 24, n)
    ecliptic = r[:, None] * ob.directions(lon, lat)
    place = ecliptic @ np.linalg.inv(ob.ecliptic_vectors(np.eye(3)))
    rising = rng.random(n) < 0.5
    orbits = ob.through(a, e, incl, mean, rising, place, t)
    found, velocity = orbits.state(t)
    assert np.abs(found - place).max() < 1e-9
    outward = (found * velocity).sum(axis=1) / r**2
    assert np.array_equal(ob.ecliptic_vectors(velocity - found * outward[:, None])[:, 2] > 0, rising)
    pole = np.cross(ob.ecliptic_vectors(found), ob.ecliptic_vectors(velocity))
    assert np.degrees(np.arccos(pole[:, 2] / np.linalg.norm(pole, axis=1))) == pytest.approx(incl, abs=1e-6)


def test_rates_are_the_change_of_places():
    orbits = some_orbits(300)
    t = np.full(300, 61234.2)
    step = 30.0 / 86400
    now, early, late = (ob.apparent(orbits, ob.observers(t + k * step, *SITE)) for k in (0, -1, 1))
    d_ra = ((late.ra - early.ra + 180) % 360 - 180) * np.cos(np.radians(now.dec)) / (2 * step)
    d_dec = (late.dec - early.dec) / (2 * step)
    near = now.delta > 0.1
    assert np.abs(d_ra - now.rate_ra)[near].max() < 2e-4 * now.rate[near].max()
    assert np.abs(d_dec - now.rate_dec)[near].max() < 2e-4 * now.rate[near].max()
    away = np.degrees(np.arctan2(d_ra, d_dec)) % 360
    assert np.abs((away - now.angle + 180) % 360 - 180)[near].max() < 0.1


@pytest.mark.parametrize(("a", "usual"), [(2.2, 0.28), (2.6, 0.24), (3.1, 0.20), (44.0, 0.021)])
def test_motion_at_opposition(a: float, usual: float):
    """Opposite the Sun bodies go west, as fast as the Earth overtakes them."""
    observer = ob.observers(np.array([61350.2]), *SITE)
    reach = np.linalg.norm(observer.place[0])
    one = np.ones(1)
    away = (a / reach * observer.place[0])[None]
    orbit = ob.through(a * one, 0 * one, 5 * one, 0 * one, np.array([True]), away, observer.t)
    seen = ob.apparent(orbit, observer)
    overtaking = np.linalg.norm(observer.velocity[0]) - ob.GAUSS / np.sqrt(a)
    assert seen.rate[0] == pytest.approx(np.degrees(overtaking / (a - reach)), rel=0.03)
    assert seen.rate[0] == pytest.approx(usual, rel=0.1)
    assert seen.rate_ra[0] < 0
    assert seen.elongation[0] > 179 and seen.phase[0] < 1


def test_phase_functions():
    phase = np.linspace(0, 120, 600)
    for g12 in (0.05, 0.3, 0.5, 0.9):
        shine = solarlight.phase_flux(phase, g12)
        assert shine[0] == pytest.approx(1.0, abs=1e-9)
        assert (np.diff(shine) < 0).all()
        slope = (solarlight.phase_flux(phase, g12 + 1e-5) - shine) / 1e-5
        assert np.abs(slope - solarlight.phase_slope(phase, g12)).max() < 1e-4
    for edge in (7.5, 30.0):  # the pieces meet
        left, right = solarlight.phase_flux(np.array([edge - 1e-9, edge + 1e-9]), 0.5)
        assert left == pytest.approx(right, abs=1e-6)
    # The older system, with the G that follows, tells the same story to some hundredths of a magnitude.
    g12 = np.array([0.4, 0.5, 0.64])
    assert ((solarlight.bowell_g(g12) > 0.1) & (solarlight.bowell_g(g12) < 0.3)).all()
    usual = phase[phase < 60, None]
    ratio = solarlight.phase_flux(usual, g12) / solarlight.bowell_flux(usual, solarlight.bowell_g(g12))
    assert np.abs(2.5 * np.log10(ratio)).max() < 0.12


def test_trails_lose_what_the_psf_does_not_see():
    for length in (0.01, 0.5, 2.0, 8.0):
        sigma = 0.8 / 2.3548200450309493
        mean = quad(lambda s, g=sigma: np.exp(-(s**2) / (4 * g * g)), -length / 2, length / 2)[0] / length
        assert solarlight.trail_loss(np.array([length]), np.array([0.8])) == pytest.approx([mean], rel=1e-6)
    assert solarlight.trail_loss(np.zeros(1), np.ones(1)) == pytest.approx([1.0])


def test_moid_against_brute_force():
    orbits = some_orbits(60, seed=8)
    orbits = ob.Orbits(np.linspace(0.95, 3.4, 60), orbits.e, orbits.incl, orbits.node, orbits.peri, orbits.t_p)
    moid = solarmoid.earth_moid(orbits)
    steps = np.linspace(0, 2 * np.pi, 181)
    turn = np.radians(solarmoid.EARTH_PERIHELION)
    e, a = solarmoid.EARTH_E, solarmoid.EARTH_A

    def earth(x: np.ndarray) -> np.ndarray:
        px, py = a * (np.cos(x) - e), a * np.sqrt(1 - e * e) * np.sin(x)
        return np.stack([px * np.cos(turn) - py * np.sin(turn), px * np.sin(turn) + py * np.cos(turn), 0 * px], -1)

    for k in range(60):
        p, q = (ob.ecliptic_vectors(axis[k]) for axis in orbits.axes)

        def body(x: np.ndarray, k: int = k, p: np.ndarray = p, q: np.ndarray = q) -> np.ndarray:
            c, s = np.cos(x)[..., None], np.sin(x)[..., None]
            return orbits.a[k] * (p * (c - orbits.e[k]) + q * s * np.sqrt(1 - orbits.e[k] ** 2))

        apart = np.linalg.norm(body(steps)[:, None] - earth(steps)[None], axis=-1)
        i, j = np.unravel_index(apart.argmin(), apart.shape)
        fine = minimize(
            lambda x, body=body: float(((body(np.array(x[0])) - earth(np.array(x[1]))) ** 2).sum()),
            [steps[i], steps[j]], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-16},
        )  # fmt: skip
        assert moid.distance[k] == pytest.approx(np.sqrt(fine.fun), abs=2e-6)
    assert ((moid.delta_v > 0) & (moid.delta_v < 75)).all()
    circle = np.array([1.0])
    coplanar = ob.Orbits(circle * 2.0, circle * 0.0, circle * 0.0, circle * 0, circle * 0, circle * 61000)
    assert solarmoid.earth_moid(coplanar).distance == pytest.approx([2 - a * (1 + e)], abs=1e-6)
    assert solarmoid.tisserand(ob.Orbits(*(circle * v for v in (5.2044, 0, 0, 0, 0, 0)))) == pytest.approx([3.0])


def test_designations_are_well_formed_and_taken_once():
    mjd = np.full(700, 61341.0)  # 2026-10-27: second half of October
    packed, readable, ident = solarnames.names(mjd)
    assert packed[0] == "L26U00A" and readable[0] == "2126 UA" and readable[26] == "2126 UB1"
    assert packed[25 * 12 + 3 - 25] == "L26U11D"
    assert len(set(packed)) == 700 and len(set(ident.tolist())) == 700
    assert ident.min() > 2**53
    assert [int(i).to_bytes(7, "big").decode() for i in ident] == packed.tolist()
    assert solarnames.pack(2126, 20, 25 * 619 + 24) == "L26Vz9Z"
    again = solarnames.names(mjd[:3], set(packed[:2].tolist()))[0]
    assert again.tolist() == ["L26U00C", "L26U00D", "L26U00E"]
    with pytest.raises(ValueError, match="half-month"):
        solarnames.names(np.full(solarnames.MOST + 1, 61341.0))


def test_fit_of_the_phase_curve():
    rng = np.random.default_rng(4)
    groups, rows = 400, 30
    h, g12 = rng.uniform(12, 20, groups), rng.uniform(0.3, 0.7, groups)
    group = np.repeat(np.arange(groups), rows)
    phase = rng.uniform(0.5, 25, len(group))
    err = np.full(len(group), 0.02)
    reduced = (
        h[group] - 2.5 * np.log10(solarlight.phase_flux(phase, g12[group])) + err * rng.standard_normal(len(group))
    )
    fit = solarobjects.phase_fit(group, groups + 1, reduced, err, phase)
    h_fit, h_err, g_fit, g_err, covariance, chi2 = (values[:groups] for values in fit)
    told = np.isfinite(g_err)
    assert told.mean() > 0.99
    assert 0.85 < np.std((h_fit - h)[told] / h_err[told]) < 1.15
    assert 0.85 < np.std((g_fit - g12)[told] / g_err[told]) < 1.15
    assert np.corrcoef((h_fit - h)[told], (g_fit - g12)[told])[0, 1] * np.median(covariance[told]) > 0
    assert np.mean(chi2[told]) == pytest.approx(rows - 2, rel=0.05)
    assert all(np.isnan(values[groups]) for values in fit)  # a group without rows
    few = solarobjects.phase_fit(np.zeros(2, int), 1, np.array([17.0, 17.1]), np.full(2, 0.1), np.array([9.0, 9.0]))
    assert few[2] == [solarobjects.FIDUCIAL_G12] and np.isnan(few[3]).all()
    assert few[1] == pytest.approx([0.1 / np.sqrt(2)])
