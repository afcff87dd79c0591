"""Tells foreign files apart by their first bytes, and which reader takes them."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from portal.errors import FormatError, LimitError
from portal.table.foreign import lists, regions
from portal.table.foreign.encoding import text_of_file
from portal.table.foreign.kinds import FORMATS, Kind, Limits, Options
from portal.table.foreign.told import Given, Reader

HEAD = 1 << 16  # bytes that tell formats apart
PIECE = 1 << 20
RATIO_FROM = 64 << 20  # smaller files may expand as they like: they do no harm
READERS = {  # format: module, function that looks, function that reads
    "votable": ("votable_file", "look", "read"),
    "fits": ("fits_table", "look", "read"),
    "csv": ("delimited", "look", "read"),
    "ecsv": ("ecsv", "look", "read"),
    "ipac": ("ipac", "look", "read"),
    "parquet": ("columnar", "look_parquet", "read_parquet"),
    "arrow": ("columnar", "look_arrow", "read_arrow"),
    "regions": ("regions", "look", "read"),
    "ids": ("lists", "look_ids", "read_ids"),
    "positions": ("lists", "look_positions", "read_positions"),
}
MAGIC = ((b"SIMPLE  =", "fits"), (b"PAR1", "parquet"), (b"ARROW1\0\0", "arrow"), (b"\xff\xff\xff\xff", "arrow"))
REFUSED = (
    (b"\x89HDF", "an HDF5 file", "Save the table as Parquet or VOTable."),
    (b"FEA1", "an old Feather file", "Save it again as Feather version 2 or Parquet."),
    (b"%PDF", "a PDF document", ""),
    (b"\x89PNG", "a picture", ""),
    (b"\xff\xd8\xff", "a picture", ""),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "Save the sheet as CSV."),
    (b"Obj\x01", "an Avro file", "Save the table as Parquet or VOTable."),
)
MOC_TEXT = re.compile(r"\s*(?:[st]?\d{1,2}/[\d,\s-]*)+\s*")
MOC_JSON = re.compile(r'\s*\{\s*"\d{1,2}"\s*:\s*\[[\d,\s]*')
KNOWN = ", ".join(label for name, label in FORMATS.items() if name != "moc")


def reader_of(name: str) -> Reader:
    """The reader of a format; only its own libraries are loaded, since a process reads one file."""
    if name not in READERS:
        raise FormatError("This is a coverage map (MOC), not a table of rows.")
    module, look, read = READERS[name]
    found = importlib.import_module(f"portal.table.foreign.{module}")
    return Reader(getattr(found, look), getattr(found, read))


def expanded(path: Path, name: str, aside: Path, limits: Limits) -> tuple[Given, str]:
    """The file ready to be read, and how it was packed ("" when not). Packed ones are written out in ``aside``.

    Raises LimitError for one that grows out of bounds, FormatError for one cut or damaged, or with several files.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        packed = _packing(head)
        if not packed:
            return Given(path, head, name, aside), ""
        out = aside / "expanded"
        try:
            if packed == "zip":
                name = _unzip(path, out, limits)
            else:
                opener = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}[packed]
                with opener(file) as source:
                    _copy(source, out, path.stat().st_size, limits)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
            raise FormatError(f"The {packed} file cannot be unpacked ({error}).", "It was probably cut.") from None
    with out.open("rb") as file:
        head = file.read(HEAD)
    if _packing(head):
        raise FormatError("The file is packed twice.", "Unpack it first.")
    return Given(out, head, re.sub(r"\.(gz|bz2|xz|zip)$", "", name, flags=re.IGNORECASE), aside), packed


def _packing(head: bytes) -> str:
    for mark, name in ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04", "zip")):
        if head.startswith(mark):
            return name
    return ""


def _unzip(path: Path, out: Path, limits: Limits) -> str:
    with zipfile.ZipFile(path) as archive:
        members = [item for item in archive.infolist() if not item.is_dir()]
        if len(members) != 1:
            hint = "Save the sheet as CSV." if any("xl/" in item.filename for item in members) else "Unpack it first."
            raise FormatError(f"The zip file holds {len(members):,} files.", hint)
        with archive.open(members[0]) as source:
            _copy(source, out, path.stat().st_size, limits)
        return Path(members[0].filename).name


def _copy(source: BinaryIO, out: Path, packed: int, limits: Limits) -> None:
    size = 0
    with out.open("wb") as file:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > limits.expanded or (size > RATIO_FROM and size > limits.ratio * packed):
                raise LimitError(
                    f"The file expands to more than {size >> 20:,} MB from {packed / 1e6:,.1f} MB.",
                    "Unpack it first if it is meant to.",
                )
            file.write(piece)


def format_of(given: Given, options: Options) -> str:
    """The format by its first bytes. Raises FormatError, with what it is, for one that is not read."""
    if options.format:
        if options.format not in READERS:
            raise FormatError(f"There is no reader for {options.format!r}.", f"Known are {KNOWN}.")
        return options.format
    head = given.head
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise FormatError("The file is empty.")
    for mark, what, hint in REFUSED:
        if head.startswith(mark):
            raise FormatError(f"This is {what}, which is not read.", hint)
    for mark, name in MAGIC:
        if head.startswith(mark):
            return name
    text = text_of_file(given, options.encoding, whole=False).beginning(HEAD)
    if "\0" in text:
        raise FormatError("The file is of no kind that is read.", f"Known are {KNOWN}.")
    return _format_of_text(text, given.name.lower())


def _format_of_text(text: str, name: str) -> str:
    start = text.lstrip()
    if start.startswith("<"):
        if re.search(r"<(?:\w+:)?VOTABLE\b", text):
            return "votable"
        if "<!doctype html" in start[:200].lower() or "<html" in start[:500].lower():
            raise FormatError("This is a web page, not a table.", "Was a login page saved in place of the file?")
        return "votable"  # its reader says what is missing
    if start.startswith("# %ECSV"):
        return "ecsv"
    lines = [line for line in text.splitlines() if line.strip()]
    table = [line for line in lines if not line.startswith("\\")]
    if table and table[0].startswith("|") and (len(lines) > len(table) or (len(table) > 1 and table[1][0] == "|")):
        return "ipac"
    if MOC_JSON.match(text) or MOC_TEXT.fullmatch(text[: text.rfind("\n")] if len(text) >= HEAD // 2 else text):
        return "moc"
    if start.startswith(("{", "[")):
        raise FormatError("This is a JSON file, which is not read.", "Save the table as CSV, Parquet or VOTable.")
    if name.endswith(".reg") or regions.is_region_text(text):
        return "regions"
    whole = text if len(text.encode()) < HEAD // 2 else text[: text.rfind("\n")]
    if name.endswith((".csv", ".tsv")) and "," in lines[0]:
        return "csv"
    if lists.is_id_text(whole):
        return "ids"
    return "positions" if lists.is_position_text(whole) else "csv"


def kind_of(given: Given, options: Options, packed: str) -> Kind:
    """What the file is."""
    name = format_of(given, options)
    if name == "moc":
        return Kind("moc", "MOC (text)", (), ("This is a coverage map (MOC), not a table of rows.",))
    kind = reader_of(name).look(given, options)
    return kind._replace(label=f"{kind.label}, {packed}") if packed else kind
