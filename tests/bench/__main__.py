"""All benchmarks, as ratios measured in this run: ``python -m tests.bench [name ...] [--data FOLDER]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
ON_DATA = ("archive", "spark")  # take a sample that has been built


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    parser.add_argument(
        "--data", type=Path, help=f"folder of a sample with its manifest.json, for {' and '.join(ON_DATA)}"
    )
    options = parser.parse_args()
    wanted = options.names
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in wanted or NAMES:
        print(f"\n{name}", flush=True)
        run = importlib.import_module(f"tests.bench.bench_{name}").run
        found = run(options.data) if name in ON_DATA else run()
        for what, figure in found.items() if isinstance(found, dict) else found:
            print(f"  {what:<72} {figure if isinstance(figure, str) else f'{figure:,.2f}'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
