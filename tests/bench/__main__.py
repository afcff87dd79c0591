"""All benchmarks, as ratios measured in this run: ``python -m tests.bench [name ...]``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in wanted or NAMES:
        print(f"\n{name}", flush=True)
        found = importlib.import_module(f"tests.bench.bench_{name}").run()
        for what, figure in found.items() if isinstance(found, dict) else found:
            print(f"  {what:<72} {figure if isinstance(figure, str) else f'{figure:,.2f}'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
