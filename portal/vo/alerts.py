"""Alert packets as brokers, archives and files give them: Avro containers, Confluent messages, Parquet of packets.

A packet is what a survey says of one DiaSource: the source, its object, its history and three stamps. Field names are
those of Rubin's packets (DMTN-093, the schema lsst.v10_0); packets of earlier schemas are read when they have a
diaSource. Nothing that arrives is trusted: sizes are bounded and damage is told as FormatError.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.wcs import WCS

from ..errors import FormatError
from . import avro
from .avro_schema import Schema

STAMPS = ("Difference", "Science", "Template")
WIRE_HEAD = struct.Struct(">bI")  # Confluent: a zero byte and the number of the schema in its registry
MAX_STAMP_BYTES = 4 << 20  # of one cutout's FITS file; Rubin's have 35 to 40 kB
MAX_STAMP_SIDE = 512  # pixels; Rubin's have 30, more where a trail is long
MAX_STAMP_PARTS = 8  # HDUs; Rubin's have three
MAX_GROUP_BYTES = 256 << 20  # of one row group of a Parquet file, unpacked
PARQUET_ROWS = 8  # packets unpacked at a time: a MB each at most


class Stamp(NamedTuple):
    """One cutout: ``image`` (ny, nx) float32 in nJy, ``variance`` alike in nJy2, ``psf`` a unit-sum kernel."""

    image: np.ndarray
    variance: np.ndarray | None
    psf: np.ndarray | None
    header: fits.Header

    @property
    def wcs(self) -> WCS:
        """The sky of the image. Rubin's stamps leave out CTYPE; they are tangent planes about the source."""
        header = self.header.copy()
        if "CTYPE1" not in header:
            header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        return WCS(header, fix=False)


class Packet:
    """One alert. ``record`` holds all fields as they came; the properties name what every viewer needs."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        source = record.get("diaSource")
        if not isinstance(source, Mapping) or not isinstance(source.get("diaSourceId"), int):
            raise FormatError("This is not an alert packet: it has no diaSource with a diaSourceId.")
        if not all(isinstance(source.get(name), int | float) for name in ("ra", "dec", "midpointMjdTai")):
            raise FormatError("This is not an alert packet: its diaSource has no position and time.")
        self.record = record

    @property
    def source(self) -> Mapping[str, Any]:
        """The DiaSource that triggered the alert."""
        return self.record["diaSource"]

    @property
    def id(self) -> int:
        return self.source["diaSourceId"]

    @property
    def name(self) -> str:
        """The source as the field writes it in messages."""
        return f"LSST-AP-DS-{self.id}"

    @property
    def history(self) -> list[Mapping[str, Any]]:
        """Earlier DiaSources of the same object, oldest first."""
        return self._rows("prvDiaSources")

    @property
    def forced(self) -> list[Mapping[str, Any]]:
        """Forced photometry on difference images at the object's place, oldest first."""
        return self._rows("prvDiaForcedSources")

    @property
    def object(self) -> Mapping[str, Any] | None:
        return self._part("diaObject")

    @property
    def asteroid(self) -> Mapping[str, Any] | None:
        """Geometry of the Solar System object at this visit (ssSource)."""
        return self._part("ssSource")

    @property
    def orbit(self) -> Mapping[str, Any] | None:
        return self._part("mpc_orbits")

    def stamp(self, kind: str) -> Stamp | None:
        """The cutout of ``kind`` (one of STAMPS), None when the packet has none. Raises FormatError for a bad one."""
        data = self.record.get(f"cutout{kind}")
        if data is None:
            return None
        if not isinstance(data, bytes):
            raise FormatError(f"The {kind.lower()} stamp is not a sequence of bytes.")
        return read_stamp(data, kind.lower())

    def _rows(self, name: str) -> list[Mapping[str, Any]]:
        rows = self.record.get(name) or []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise FormatError(f"The alert packet has a {name} that is no list of records.")
        times = [row.get("midpointMjdTai") for row in rows]
        if not all(isinstance(time, int | float) for time in times):
            raise FormatError(f"The alert packet has a {name} without times.")
        return [rows[i] for i in np.argsort(times, kind="stable")]

    def _part(self, name: str) -> Mapping[str, Any] | None:
        found = self.record.get(name)
        return found if isinstance(found, Mapping) else None


def read_packets(source: Path | bytes | BinaryIO) -> Iterator[Packet]:
    """The packets of a file: an Avro container (gzipped or not) or Parquet of packets, a few in memory at a time.

    A binary stream must be seekable. Raises FormatError, from ``next``, for anything else and for damage.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from read_packets(stream)
        return
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    head = stream.read(4)
    stream.seek(-len(head), io.SEEK_CUR)
    if head == b"PAR1":
        yield from _parquet(stream)
    elif head.startswith(b"\x1f\x8b"):
        yield from map(Packet, _gunzipped(stream))
    elif head.startswith(b"\0"):
        raise FormatError("This is one Confluent message without its schema.", "Read it with read_message.")
    else:
        yield from map(Packet, avro.records(stream))


def _gunzipped(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    try:
        with gzip.GzipFile(fileobj=stream) as inside:
            yield from avro.records(inside)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"The gzipped alert file is damaged ({error}).") from None


def read_message(message: bytes, schemas: Mapping[int, Schema]) -> Packet:
    """The packet of one message in Confluent's wire format; ``schemas`` by their number in the registry.

    Raises FormatError for a message that is none, an unknown schema, or damage.
    """
    if len(message) < WIRE_HEAD.size:
        raise FormatError(f"The alert message has {len(message)} bytes; its head alone has {WIRE_HEAD.size}.")
    magic, number = WIRE_HEAD.unpack_from(message)
    if magic != 0:
        raise FormatError(f"The alert message begins with {magic & 0xFF:#04x} and not with a zero byte.")
    if number not in schemas:
        raise FormatError(f"The alert message is written with schema {number}, which is not known here.")
    return Packet(avro.decode(message[WIRE_HEAD.size :], schemas[number]))


def _parquet(stream: BinaryIO) -> Iterator[Packet]:
    try:
        file = pq.ParquetFile(stream)
        groups = [file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)]
        if max(groups, default=0) > MAX_GROUP_BYTES:
            raise FormatError(f"The Parquet file has a row group of {max(groups) >> 20:,} MiB unpacked.")
        for batch in file.iter_batches(batch_size=PARQUET_ROWS):
            yield from map(Packet, batch.to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"The Parquet file of alerts cannot be read: {error}.") from None


def read_stamp(data: bytes, kind: str = "") -> Stamp:
    """The stamp in a FITS file: pixels in PRIMARY (or the first image), UNCERT (variance) and PSFIMAGE beside it.

    Raises FormatError.
    """
    if len(data) > MAX_STAMP_BYTES:
        raise FormatError(f"The {kind} stamp has {len(data):,} bytes; up to {MAX_STAMP_BYTES:,} are read.")
    try:
        with fits.open(io.BytesIO(data), memmap=False, disable_image_compression=True) as hdus:
            images = _images(hdus, len(data), kind)
            header = next(iter(images.values())).header.copy()
            planes = {name: np.asarray(hdu.data) for name, hdu in images.items()}
    except FormatError:
        raise
    # A damaged file shows itself in many ways deep in the FITS reader; the reader of the page needs one.
    except Exception as error:
        raise FormatError(f"The {kind} stamp is not a FITS image ({type(error).__name__}: {error}).") from error
    image = np.asarray(next(iter(planes.values())), np.float32)
    variance = planes.get("UNCERT")
    if variance is not None and variance.shape != image.shape:
        raise FormatError(f"The {kind} stamp has a variance of another shape.")
    return Stamp(image, variance, planes.get("PSFIMAGE"), header)


def _images(hdus: fits.HDUList, size: int, kind: str) -> dict[str, Any]:
    """The images of a stamp by EXTNAME, none larger than the file and the bounds allow."""
    found: dict[str, Any] = {}
    for number, hdu in enumerate(hdus):
        if number == MAX_STAMP_PARTS:
            raise FormatError(f"The {kind} stamp has more than {MAX_STAMP_PARTS} parts.")
        if not hdu.is_image or hdu.header.get("NAXIS") != 2:
            continue
        nx, ny = int(hdu.header["NAXIS1"]), int(hdu.header["NAXIS2"])
        if (
            not (0 < nx <= MAX_STAMP_SIDE and 0 < ny <= MAX_STAMP_SIDE)
            or nx * ny * abs(hdu.header["BITPIX"]) > 8 * size
        ):
            raise FormatError(f"The {kind} stamp declares an image of {nx} × {ny} pixels.")
        found.setdefault(str(hdu.header.get("EXTNAME", "")).strip().upper(), hdu)
    if not found:
        raise FormatError(f"The {kind} stamp holds no image.")
    return found
