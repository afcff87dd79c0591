"""A contact sheet of the sample sky: ``python -m tests.gallery [preset] [file.png]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from portal.archive.sample.build import build_sample
from portal.archive.sample.render import SkyPixels
from tests.gallery.pick import Picks
from tests.gallery.sheet import draw

SEED = 2026
MOST_BYTES = 400_000  # README shows the sheet


def main(arguments: list[str]) -> int:
    preset = arguments[0] if arguments else "default"
    target = Path(arguments[1] if len(arguments) > 1 else "static/sky.png")
    with tempfile.TemporaryDirectory() as folder:
        print(f"Making the {preset} sky ...", flush=True)
        sample = build_sample(preset, SEED, Path(folder), None)
        image = draw(Picks(sample), SkyPixels(sample))
    target.write_bytes(image)
    print(f"{target}: {len(image):,} bytes")
    return int(len(image) > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
