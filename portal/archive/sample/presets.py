"""The sizes in which the sample sky can be built, and the version of its generator."""

from __future__ import annotations

from dataclasses import dataclass

GENERATOR_VERSION = 4  # raise when the same seed gives other tables


@dataclass(frozen=True, slots=True)
class Preset:
    """One field: centre and radius in degrees (ICRS), number of visits, CCD noise peaks kept per visit."""

    name: str
    ra: float
    dec: float
    radius_deg: float
    visits: int
    false_detections: float  # per detector image


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("tiny", 62.0, -37.0, 0.05, 30, 2.0),  # unit tests, under a second
        Preset("small", 62.0, -37.0, 0.2, 120, 2.0),  # browser tests, seconds
        Preset("default", 62.0, -37.0, 0.5, 330, 2.0),  # the first sight of the portal
        Preset("deep", 62.0, -37.0, 0.5, 1000, 2.0),
        Preset("large", 62.0, -37.0, 1.5, 330, 2.0),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; ValueError names the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no sample preset {name!r}; known: {', '.join(PRESETS)}") from None
