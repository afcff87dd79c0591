"""Every export format of 1M x 20 against astropy and stilts writing the same, in one run.

Processor seconds are compared, medians of a few turns; memory is the most that a process of its own holds while it
writes, beyond what it holds without. astropy writes VOTable and text too slowly for a million rows: those are timed
on fewer and scaled, and say so.
"""

from __future__ import annotations

import io
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io.votable import parse
from astropy.table import Table

from portal.table.export import export_stream
from portal.table.formats import FORMATS
from portal.table.order import RowView
from portal.table.result import ResultTable

from .bench_table import ROWS, wide_table

TURNS = 3
ASTROPY = {
    "votable": ("votable", 5_000, {"tabledata_format": "binary2"}),
    "votable-tabledata": ("votable", 5_000, {"tabledata_format": "tabledata"}),
    "votable-binary": ("votable", 5_000, {"tabledata_format": "binary"}),
    "fits": ("fits", ROWS, {}),
    "csv": ("ascii.csv", 100_000, {}),
    "tsv": ("ascii.tab", 100_000, {}),
    "ecsv": ("ascii.ecsv", 100_000, {}),
    "ipac": ("ascii.ipac", 20_000, {}),
    "parquet": ("parquet", ROWS, {}),
}
"""Per format: astropy's name, the rows it is timed on, options."""
STILTS = {
    "votable": "votable-binary2",
    "votable-tabledata": "votable-tabledata",
    "votable-binary": "votable-binary",
    "fits": "fits-plus",
    "csv": "csv",
    "tsv": "tst",
    "ecsv": "ecsv",
    "ipac": "ipac",
}
ALONE = """
import sys
from pathlib import Path
from portal.table.export import export_stream
from portal.table.result import ResultTable

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

result = ResultTable.open(Path(sys.argv[1]))
most = held()
for part in export_stream(result, format=sys.argv[2]) if len(sys.argv) > 2 else ():
    most = max(most, held())
print(most)
"""


def spent(work: Callable[[], object], turns: int = TURNS) -> float:
    """Median processor seconds, child processes included."""

    def clock() -> float:
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(item.ru_utime + item.ru_stime for item in both)

    found = []
    for _ in range(turns):
        begun = clock()
        work()
        found.append(clock() - begun)
    return statistics.median(found)


def memory(folder: Path, *format: str) -> int:
    """The most private memory (MB) of a process that writes one file; pages of the mapped result do not count."""
    command = [sys.executable, "-c", ALONE, str(folder), *format]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) >> 10


def run() -> list[tuple[str, str]]:
    """(what was compared, how many times less processor time)."""
    out = []
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        meta, rows = wide_table(ROWS)
        result = ResultTable.from_arrow(folder / "r", meta, rows)
        del rows
        whole = folder / "all.fits"
        whole.write_bytes(b"".join(export_stream(result, format="fits")))
        theirs = Table.read(whole, hdu=1, format="fits", character_as_bytes=False)
        small = parse(io.BytesIO(b"".join(export_stream(result, rows=np.arange(0)))))  # the reader warms up
        assert small is not None
        base = memory(folder / "r")
        for format in FORMATS:
            sizes: list[int] = []
            ours = spent(
                lambda format=format, sizes=sizes: sizes.append(sum(map(len, export_stream(result, format=format))))
            )
            private = memory(folder / "r", format) - base
            out.append(
                (
                    f"export 1M x 20 as {format}",
                    f"CPU {ours:.2f} s, {sizes[-1] >> 20} MB; {private} MB of memory",
                )
            )
            if format in ASTROPY:
                out.append(_astropy(theirs, result, format, ours, folder))
            if format in STILTS and shutil.which("stilts"):
                target = folder / f"stilts.{format}"
                command = [
                    "stilts",
                    "tpipe",
                    f"in={whole}",
                    "ifmt=fits-plus",
                    f"ofmt={STILTS[format]}",
                    f"out={target}",
                ]
                stilts = spent(lambda command=command: subprocess.run(command, check=True, capture_output=True))
                target.unlink()
                out.append(("    against stilts tpipe from FITS", f"{stilts / ours:.1f}x (CPU {stilts:.2f} s)"))
        view = RowView((("r_flux", True),), '"tract" < 4500')
        result.rows(view)
        ours = spent(lambda: sum(map(len, export_stream(result, view, "votable"))))
        out.append(("export of half of them, filtered and sorted (order known), as votable", f"CPU {ours:.2f} s"))
    return out


def _astropy(theirs: Table, result: ResultTable, format: str, ours: float, folder: Path) -> tuple[str, str]:
    kind, count, options = ASTROPY[format]
    target = folder / f"astropy.{format}"
    if kind == "votable":
        data = b"".join(export_stream(result, format=format, rows=np.arange(count)))
        document = parse(io.BytesIO(data))
        work = lambda: document.to_xml(str(target), **options)  # noqa: E731
    else:
        part = theirs[:count]
        work = lambda: part.write(target, format=kind, overwrite=True, **options)  # noqa: E731
    taken = spent(work, TURNS if count < ROWS or kind != "votable" else 1) * ROWS / count
    scaled = "" if count == ROWS else f", timed on {count:,} rows and scaled"
    target.unlink()
    return f"    against astropy{scaled}", f"{taken / ours:.1f}x (CPU {taken:.2f} s)"


if __name__ == "__main__":
    for what, ratio in run():
        print(f"{what}: {ratio}")
