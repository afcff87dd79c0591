"""The sizes in which the sample sky can be built: fields of the sky, how they are observed, and how they are tiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample.camera import COMCAM, LSSTCAM, Camera

GENERATOR_VERSION = 5  # raise when the same seed gives other tables
DRAWN_MARGIN_DEG = 0.01
# A tile needs cells this far outside: groups and clusters of galaxies spread so far from the cell that made them.
TILE_MARGIN_DEG = 0.13


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
    false_detections: float = 2.0  # CCD noise peaks kept per detector image
    orbits: int = 0  # asteroids planted through the field
    camera: Camera = COMCAM
    tile_order: int = 0

    def holds(self, ra: np.ndarray, dec: np.ndarray, margin_deg: float = 0.0) -> np.ndarray:
        """Mask of the positions that belong to the field, or lie at most ``margin_deg`` outside."""
        return cells.separation(ra, dec, self.ra, self.dec) < self.radius_deg + margin_deg

    def draws(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Mask of the positions whose light images of the field (or of this tile's part of it) show."""
        return Field.holds(self, ra, dec, DRAWN_MARGIN_DEG)

    def cells(self) -> np.ndarray:
        """Cells of ``cells.CELL_ORDER`` whose sky must be made, ascending."""
        return cells.cells_of(self.ra, self.dec, self.radius_deg)

    def tiles(self) -> Iterator[Tile]:
        """The tiles of the field in rising order of their pixels."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        shift = 2 * (cells.CELL_ORDER - self.tile_order)
        inner = cells.cells_of(self.ra, self.dec, self.radius_deg)
        for pixel in np.unique(inner >> shift).tolist():
            yield Tile(**own, pixel=pixel)


@dataclass(frozen=True)
class Tile(Field):
    """The part of a field in one HEALPix pixel of ``tile_order``. Everything else is as in the whole field."""

    pixel: int = 0

    def holds(self, ra: np.ndarray, dec: np.ndarray, margin_deg: float = 0.0) -> np.ndarray:
        """Mask of the positions that belong to the tile, or lie at most ``margin_deg`` outside."""
        ra, dec = np.asarray(ra), np.asarray(dec)
        disc = super().holds(ra, dec, margin_deg)
        inside = self._in_pixel(ra, dec)
        rest = np.flatnonzero(disc & ~inside) if margin_deg else np.empty(0, np.int64)
        if len(rest):
            step_dec = margin_deg
            step_ra = margin_deg / np.cos(np.radians(dec[rest]))
            for east, north in _AROUND:
                near = self._in_pixel(ra[rest] + east * step_ra, dec[rest] + north * step_dec)
                inside[rest[near]] = True
        return disc & inside

    def cells(self) -> np.ndarray:
        """Cells of the tile and of the margin about it, as far as the field needs them; ascending."""
        return super().cells()[self._near(super().cells())]

    def draws(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """As of the field, but each position is drawn by one tile only."""
        return super().draws(ra, dec) & self._in_pixel(ra, dec)

    def _near(self, wanted: np.ndarray) -> np.ndarray:
        shift = 2 * (cells.CELL_ORDER - self.tile_order)
        ra, dec = cells.centres_of(wanted)
        inside = wanted >> shift == self.pixel
        for east, north in _AROUND:
            step = TILE_MARGIN_DEG + cells.CELL_DEG / 2
            inside |= self._in_pixel(ra + east * step / np.cos(np.radians(dec)), dec + north * step)
        return inside

    def _in_pixel(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        return cells.leaf_of(ra, dec) >> 2 * (cells.LEAF_ORDER - self.tile_order) == self.pixel


_AROUND = [(np.cos(a), np.sin(a)) for a in np.radians(np.arange(0, 360, 30))]


@dataclass(frozen=True)
class Preset:
    """A name and the fields that are built into one set of tables, the main one first."""

    name: str
    fields: tuple[Field, ...]


def _preset(
    name: str, radius: float, visits: int, ecliptic: tuple[float, int, int],
    camera: Camera = COMCAM, tile_order: int = 0,
) -> Preset:  # fmt: skip
    """``ecliptic`` gives radius, visits and asteroids of the second field, where Solar System bodies are."""
    main = Field("main", 0, 62.0, -37.0, radius, visits, camera=camera, tile_order=tile_order)
    second = Field("ecliptic", 1, 38.0, 7.0, ecliptic[0], ecliptic[1], orbits=ecliptic[2], camera=camera)
    return Preset(name, (main, second))


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset("tiny", 0.05, 30, (0.05, 15, 20)),  # unit tests, under a second
        _preset("small", 0.2, 120, (0.12, 40, 60)),  # browser tests, seconds
        _preset("default", 0.5, 330, (0.25, 80, 250)),  # the first sight of the portal
        _preset("deep", 0.5, 1000, (0.25, 120, 300)),
        _preset("large", 4.5, 110, (0.25, 80, 250), LSSTCAM, tile_order=5),  # 10 M Objects, 100 M forced
        _preset("billion", 4.5, 900, (0.25, 80, 250), LSSTCAM, tile_order=5),  # a thousand million forced
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no sample preset {name!r}; known: {', '.join(PRESETS)}") from None
