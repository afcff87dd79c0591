"""The formats in which a table leaves the page: values only, what writes them is in ``export``."""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """A file format: what it is called, a word on it, its group, media type and file ending."""

    label: str
    note: str
    group: str
    type: str
    ending: str


FORMATS = {
    "votable": Format("VOTable", "BINARY2", "VO", "application/x-votable+xml;serialization=BINARY2", ".vot"),
    "votable-tabledata": Format(
        "VOTable", "TABLEDATA", "VO", "application/x-votable+xml;serialization=TABLEDATA", ".xml"
    ),
    "votable-binary": Format("VOTable", "BINARY", "VO", "application/x-votable+xml;serialization=BINARY", ".vot"),
    "fits": Format("FITS", "binary table", "Binary", "application/fits", ".fits"),
    "parquet": Format("Parquet", "VOParquet", "Binary", "application/vnd.apache.parquet", ".parquet"),
    "arrow": Format("Arrow", "IPC, Feather", "Binary", "application/vnd.apache.arrow.file", ".arrow"),
    "csv": Format("CSV", "commas", "Text", "text/csv;charset=utf-8;header=present", ".csv"),
    "tsv": Format("TSV", "tabs", "Text", "text/tab-separated-values;charset=utf-8", ".tsv"),
    "ecsv": Format("ECSV", "with units", "Text", "application/x-ecsv;charset=utf-8", ".ecsv"),
    "ipac": Format("IPAC", "table", "Text", "application/x-ipac-table;charset=utf-8", ".tbl"),
    "regions": Format("DS9 regions", "points", "Regions", "application/x-ds9-region;charset=utf-8", ".reg"),
    "regions-circles": Format(
        "DS9 regions", "circles of 1″", "Regions", "application/x-ds9-region;charset=utf-8", ".reg"
    ),
}
"""By the name that ``export_stream`` takes."""
