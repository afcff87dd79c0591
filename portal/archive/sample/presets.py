"""The sizes in which the sample sky can be built: fields of the sky, how they are observed, and how they are tiled."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample.camera import COMCAM, LSSTCAM, PITCH_X, PITCH_Y, Camera

GENERATOR_VERSION = 5  # raise when the same seed gives other tables
DRAWN_DEG = 0.01  # this far outside of the field its images still show something
# A tile needs the cells whose centres are this far outside: those that its skirt reaches. All that is drawn for a
# cell lies in it.
MARGIN_DEG = 0.03 + 0.75 * cells.CELL_DEG
COARSE_ORDER = 11
OBJECTS_PER_DEG2 = 1.62e5
BYTES_PER_OBJECT, BYTES_PER_POINT = 680, 17  # on the disk, all tables together


@dataclass(frozen=True)
class Field:
    """A disc of the sky and how it is observed; angles in degrees (ICRS).

    ``tile_order`` is the HEALPix order of the tiles that are made, and stored, one by one.
    """

    name: str
    number: int  # place among the fields of the preset
    ra: float
    dec: float
    radius_deg: float
    visits: int
    orbits: int = 0  # asteroids planted through the field
    camera: Camera = COMCAM
    tile_order: int = 0

    def holds(self, ra: np.ndarray, dec: np.ndarray, margin_deg: float = 0.0) -> np.ndarray:
        """Mask of the positions that belong to the field, or lie at most ``margin_deg`` outside."""
        return cells.separation(ra, dec, self.ra, self.dec) < self.radius_deg + margin_deg

    def draws(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Mask of the positions whose light the images of the field show."""
        return Field.holds(self, ra, dec, DRAWN_DEG)

    def cells(self) -> np.ndarray:
        """Cells of ``CELL_ORDER`` whose sky must be made, ascending."""
        return cells.cells_of(self.ra, self.dec, self.radius_deg)

    @property
    def area_deg2(self) -> float:
        return 2 * np.pi * (1 - np.cos(np.radians(self.radius_deg))) * np.degrees(1.0) ** 2

    @property
    def objects_expected(self) -> float:
        return OBJECTS_PER_DEG2 * self.area_deg2

    @property
    def points_expected(self) -> float:
        """About as many points all light curves have."""
        detector = PITCH_X * PITCH_Y / 3600.0**2
        seen = min(1.0, self.camera.detectors * detector / self.area_deg2)
        return self.objects_expected * self.visits * seen

    def tiles(self) -> list[Tile]:
        """The tiles of the field in rising order of their pixels."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        inner = cells.cells_of(self.ra, self.dec, self.radius_deg)
        pixels = np.unique(inner >> 2 * (cells.CELL_ORDER - self.tile_order)).tolist()
        return [
            Tile(**own, pixel=pixel, first=number == 0, alone=len(pixels) == 1) for number, pixel in enumerate(pixels)
        ]


@dataclass(frozen=True)
class Tile(Field):
    """The part of a field in one HEALPix pixel of ``tile_order``, and ``skirt_deg`` around it; ``alone`` if it is all.

    Whatever is not cut by the pixel is the same in the tile as in the whole field.
    """

    pixel: int = 0
    first: bool = True
    alone: bool = True
    skirt_deg: float = 0.0

    def wider(self, skirt_arcsec: float) -> Tile:
        """The tile with what lies so far outside of its pixel, still within the field."""
        return replace(self, skirt_deg=skirt_arcsec / 3600.0)

    def holds(self, ra: np.ndarray, dec: np.ndarray, margin_deg: float = 0.0) -> np.ndarray:
        """Mask of the positions in the tile and its skirt, or at most ``margin_deg`` outside."""
        mask = super().holds(ra, dec, margin_deg)
        if not self.alone:
            mask[mask] = self._touches(np.asarray(ra)[mask], np.asarray(dec)[mask], self.skirt_deg + margin_deg)
        return mask

    def draws(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """As of the field, but each position is drawn by one tile only."""
        mask = super().draws(ra, dec)
        if not self.alone:
            mask[mask] = self._in_pixel(np.asarray(ra)[mask], np.asarray(dec)[mask])
        return mask

    def cells(self) -> np.ndarray:
        """Cells of the tile and of a margin about it, as far as the field needs them; ascending."""
        wanted = super().cells()
        return wanted if self.alone else wanted[self._touches(*cells.centres_of(wanted), MARGIN_DEG)]

    def leaves(self) -> tuple[int, int]:
        """First pixel of order 29 in the tile, and the first behind it."""
        shift = 2 * (cells.LEAF_ORDER - self.tile_order)
        return self.pixel << shift, (self.pixel + 1) << shift

    def _in_pixel(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        return cells.leaf_of(ra, dec) >> 2 * (cells.LEAF_ORDER - self.tile_order) == self.pixel

    def _touches(self, ra: np.ndarray, dec: np.ndarray, reach_deg: float) -> np.ndarray:
        """Mask of the positions at most ``reach_deg`` outside of the pixel."""
        leaf = cells.leaf_of(ra, dec)
        mask = leaf >> 2 * (cells.LEAF_ORDER - self.tile_order) == self.pixel
        if reach_deg == 0.0 or mask.all():
            return mask
        # Most positions lie in coarse pixels too far away, and need not be looked at one by one.
        rest = np.flatnonzero(~mask)
        coarse, of = np.unique(leaf[rest] >> 2 * (cells.LEAF_ORDER - COARSE_ORDER), return_inverse=True)
        size = cells.CELL_DEG / 2 ** (COARSE_ORDER - cells.CELL_ORDER)
        rest = rest[self._reaches(*cells.centres_of(coarse, COARSE_ORDER), reach_deg + size)[of]]
        mask[rest] = self._reaches(ra[rest], dec[rest], reach_deg)
        return mask

    def _reaches(self, ra: np.ndarray, dec: np.ndarray, reach_deg: float) -> np.ndarray:
        mask = self._in_pixel(ra, dec)
        for part in (0.5, 1.0):
            for east, north in cells.around(ra, dec, part * reach_deg * 3600.0, 16):
                mask |= self._in_pixel(east, north)
        return mask


@dataclass(frozen=True)
class Preset:
    """A name and the fields that are built into one set of tables, the main one first."""

    name: str
    fields: tuple[Field, ...]
    parallel: bool = False  # large enough for processes of its own

    def tiles(self) -> list[Tile]:
        """All tiles of all fields."""
        return [tile for field in self.fields for tile in field.tiles()]

    @property
    def bytes_expected(self) -> float:
        """About what the tables take on the disk."""
        return sum(
            BYTES_PER_OBJECT * field.objects_expected + BYTES_PER_POINT * field.points_expected for field in self.fields
        )


def _preset(
    name: str, radius: float, visits: int, ecliptic: tuple[float, int, int],
    camera: Camera = COMCAM, tile_order: int = 0, parallel: bool = True,
) -> Preset:  # fmt: skip
    """``ecliptic`` gives radius, visits and asteroids of the second field, where Solar System bodies are.

    So many asteroids show about 250 brighter than r = 24 in a square degree, as there are 7 degrees off the ecliptic.
    """
    main = Field("main", 0, 62.0, -37.0, radius, visits, camera=camera, tile_order=tile_order)
    second = Field("ecliptic", 1, 38.0, 7.0, ecliptic[0], ecliptic[1], orbits=ecliptic[2], camera=camera)
    return Preset(name, (main, second), parallel)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset("tiny", 0.05, 30, (0.05, 15, 20), parallel=False),  # unit tests, under a second
        _preset("small", 0.2, 120, (0.12, 40, 150)),  # browser tests, seconds
        _preset("default", 0.5, 330, (0.25, 80, 1000), tile_order=6),  # the first sight of the portal
        _preset("deep", 0.5, 1000, (0.25, 120, 1500), tile_order=6),
        _preset("large", 4.6, 110, (0.25, 80, 1000), LSSTCAM, tile_order=5),  # 10 M Objects, 100 M forced
        _preset("billion", 4.6, 1000, (0.25, 80, 1000), LSSTCAM, tile_order=5),  # a thousand million forced
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no sample preset {name!r}; known: {', '.join(PRESETS)}") from None
