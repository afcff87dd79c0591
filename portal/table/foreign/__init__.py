"""Foreign files to results: told apart, previewed and read in a process that may fail (see ``apart``)."""

from portal.table.foreign.apart import preview, read_file, sniff
from portal.table.foreign.guess import Positions, degrees, guess_positions
from portal.table.foreign.kinds import DATATYPES, DELIMITERS, ENCODINGS, FORMATS, Kind, Limits, Options, Part

__all__ = [
    "DATATYPES", "DELIMITERS", "ENCODINGS", "FORMATS", "Kind", "Limits", "Options", "Part", "Positions",
    "degrees", "guess_positions", "preview", "read_file", "sniff",
]  # fmt: skip
