"""The HiPS service as Aladin reads it."""

from __future__ import annotations

import io

import astropy.units as u
import astropy_healpix
import mocpy
import pytest
from PIL import Image


def pairs(text: str) -> dict[str, str]:
    return {
        key.strip(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines()) if value
    }


def test_the_list_names_every_survey_with_its_address(service) -> None:
    text = service.http.get("/api/hips/list").text
    records = [pairs(record) for record in text.split("\n\n") if record.strip()]
    assert len(records) == 7
    for record in records:
        assert record["creator_did"] and record["hips_frame"] == "equatorial"
        found = pairs(service.http.get(f"{record['hips_service_url']}/properties").text)
        assert found["hips_tile_width"] == "512"


def test_tiles_in_and_out_of_the_field(service) -> None:
    order = 8
    inside = int(astropy_healpix.HEALPix(1 << order, "nested").lonlat_to_healpix(62 * u.deg, -37 * u.deg))
    tile = service.http.get(f"/api/hips/color_gri/Norder{order}/Dir{inside // 10000 * 10000}/Npix{inside}.png")
    assert tile.status_code == 200 and tile.headers["cache-control"] == "max-age=3600"
    picture = Image.open(io.BytesIO(tile.content))
    assert picture.size == (512, 512) and picture.convert("L").getextrema()[1] > 0
    outside = service.http.get(f"/api/hips/color_gri/Norder{order}/Dir0/Npix0.png")
    assert outside.status_code == 200 and len(outside.content) < 2000
    assert Image.open(io.BytesIO(outside.content)).getextrema() in (((0, 0), (0, 0)), (0, 0))


@pytest.mark.parametrize(
    "path",
    ["nothing/properties", "color_gri/Norder3/Dir0/Npix999999.png", "color_gri/Norder40/Dir0/Npix0.png",
     "color_gri/Norder3/Dir10000/Npix5.png", "color_gri/../../secret"],
)  # fmt: skip
def test_what_is_not_there(service, path: str) -> None:
    assert service.http.get(f"/api/hips/{path}").status_code == 404


def test_coverage(service) -> None:
    answer = service.http.get("/api/hips/color_gri/Moc.fits")
    coverage = mocpy.MOC.from_fits(io.BytesIO(answer.content))
    assert coverage.contains_lonlat(62 * u.deg, -37 * u.deg).all() and coverage.sky_fraction < 0.01
    allsky = service.http.get("/api/hips/color_gri/Norder3/Allsky.png")
    assert allsky.status_code in (200, 404)
