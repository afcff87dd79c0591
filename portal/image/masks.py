"""Names of mask bits, from the header (``MP_<name>``; ``MSKN``, ``MSKM`` and ``MSKD`` of newer Rubin files)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

BITS = 32  # masks are int32
MEANINGS = {
    "BAD": "Bad pixel of the detector",
    "SAT": "Saturated, or blooming from a saturated pixel",
    "INTRP": "Interpolated",
    "CR": "Cosmic ray",
    "EDGE": "Too near to the edge to be processed in full",
    "DETECTED": "Part of a detected source",
    "DETECTED_NEGATIVE": "Part of a source detected as negative",
    "SUSPECT": "Close to saturation: linearity is in doubt",
    "NO_DATA": "No data: no input image covers the pixel",
    "VIGNETTED": "Vignetted",
    "CROSSTALK": "Crosstalk from a bright source was corrected",
    "UNMASKEDNAN": "NaN that nothing else explains",
    "CLIPPED": "An input was clipped as an outlier",
    "REJECTED": "An input was rejected",
    "INEXACT_PSF": "Inputs differ: the PSF model is not exact here",
    "SENSOR_EDGE": "An edge of a detector of an input lies here",
    "STREAK": "Streak of a satellite or the like",
    "HIGH_VARIANCE": "Much higher variance than around",
    "ITL_DIP": "Dip along columns of a bright star (ITL detectors)",
    "PARTLY_VIGNETTED": "Partly vignetted",
    "NOT_DEBLENDED": "Part of a blend that was not deblended",
    "SAT_TEMPLATE": "Saturated in the template",
    "STREAK_TEMPLATE": "Streak in the template",
    "INJECTED": "Synthetic source injected",
    "INJECTED_CORE": "Core of an injected synthetic source",
    "SPIKE": "Diffraction spike of a bright star",
    "OTHER": "Other reasons",
}


class MaskBit(NamedTuple):
    """One plane of a mask: its name, its bit (0 is the lowest), what it means ("" when nobody says)."""

    name: str
    bit: int
    doc: str = ""


def mask_bits(header: Mapping[str, Any]) -> tuple[MaskBit, ...]:
    """The planes that the header of a mask names, by bit. Cards that make no sense are left out."""
    found: dict[int, MaskBit] = {}
    for key, value in header.items():
        if key.startswith("MP_") and isinstance(value, int) and 0 <= value < BITS:
            name = key[3:]
            found.setdefault(value, MaskBit(name, value, MEANINGS.get(name, "")))
        elif number := re.fullmatch(r"MSKN(\d{1,4})", key):
            bits = header.get(f"MSKM{number[1]}")
            name = str(value).strip()
            # One bit: several would be a condition, not a plane.
            if name and isinstance(bits, int) and 0 < bits < 1 << BITS and not bits & (bits - 1):
                doc = str(header.get(f"MSKD{number[1]}", "")).strip() or MEANINGS.get(name, "")
                found[bits.bit_length() - 1] = MaskBit(name, bits.bit_length() - 1, doc)
    return tuple(found[bit] for bit in sorted(found))
