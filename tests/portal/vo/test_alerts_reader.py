"""The alert reader: real packets, containers, messages of a stream, and everything damaged or hostile."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import FormatError
from portal.vo import avro, avro_schema
from portal.vo.alerts import STAMPS, Packet, read_message, read_packets, read_stamp
from portal.vo.avro_schema import read_schema

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "alerts"
pytestmark = pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
needs_real = pytest.mark.skipif(not REAL.exists(), reason="the real alerts lie beside the checkout, not in it")

SOURCE = {
    "type": "record",
    "name": "s.v1.diaSource",
    "fields": [
        {"name": "diaSourceId", "type": "long"},
        *({"name": name, "type": "double"} for name in ("ra", "dec", "midpointMjdTai")),
        {"name": "psfFlux", "type": ["null", "float"], "default": None},
        {"name": "band", "type": ["null", "string"], "default": None, "doc": "Filter."},
    ],
}
SCHEMA = {
    "type": "record",
    "name": "s.v1.alert",
    "fields": [
        {"name": "diaSource", "type": SOURCE},
        {"name": "prvDiaSources", "type": ["null", {"type": "array", "items": "s.v1.diaSource"}], "default": None},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": None},
        {"name": "cutoutScience", "type": ["null", "bytes"], "default": None},
    ],
}
FIRST = 1_651_281_746_966_117_378


def stamp_file(side: int = 30) -> bytes:
    image = np.arange(side * side, dtype=np.float32).reshape(side, side)
    parts = [fits.PrimaryHDU(image), fits.ImageHDU(image + 1, name="UNCERT"), fits.ImageHDU(np.eye(5), name="PSFIMAGE")]
    out = io.BytesIO()
    fits.HDUList(parts).writeto(out)
    return out.getvalue()


def source(number: int, mjd: float = 61000.5) -> dict[str, Any]:
    return {"diaSourceId": FIRST + number, "ra": 62.0, "dec": -37.0, "midpointMjdTai": mjd, "band": "r"}


def records(count: int) -> list[dict[str, Any]]:
    before = [source(100, 60999.0), source(101, 60990.0)]
    return [
        {"diaSource": source(n), "prvDiaSources": before, "seen": 1_000_000, "cutoutScience": stamp_file()}
        for n in range(count)
    ]


def container(count: int = 3, codec: str = "null", schema: Any = SCHEMA) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records(count), codec=codec)
    return out.getvalue()


SMALL = container(2)
PACKED = container(2, "deflate")


def long(value: int) -> bytes:
    """A number as Avro writes it."""
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def framed(schema: Any, blocks: bytes, codec: bytes = b"null") -> bytes:
    """A container made by hand; ``blocks`` come after the mark, which is sixteen times M."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    head = b"".join(long(len(item)) + item for item in (b"avro.schema", text, b"avro.codec", codec))
    return b"Obj\x01" + long(2) + head + long(0) + b"M" * 16 + blocks


def block(count: int, data: bytes) -> bytes:
    return long(count) + long(len(data)) + data + b"M" * 16


def record_of(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]}


# --- what is right


@needs_real
def test_real_packets_with_their_stamps() -> None:
    packets = list(read_packets(REAL / "rubin_lsst_v10_0_25alerts.parquet"))
    assert len(packets) == 25 and len({packet.id for packet in packets}) == 25
    assert sorted(len(packet.history) for packet in packets)[-3:] == [2, 16, 22]
    assert sum(packet.asteroid is not None for packet in packets) == 3
    assert sum(packet.source["reliability"] < 0.5 for packet in packets) > 5
    for packet in packets:
        assert all(a["midpointMjdTai"] <= b["midpointMjdTai"] for a, b in zip(packet.history, packet.history[1:]))
        stamps = [packet.stamp(kind) for kind in STAMPS]
        assert all(stamp.image.shape == stamp.variance.shape == (30, 30) for stamp in stamps)
        assert all(abs(stamp.psf.sum() - 1) < 1e-5 for stamp in stamps)
        place = stamps[0].wcs.pixel_to_world(14.5, 14.5)
        assert abs(place.dec.deg - packet.source["dec"]) < 1 / 3600
        assert stamps[0].header["BUNIT"] == "nJy"


@needs_real
def test_the_brightest_real_alert_is_where_its_packet_says() -> None:
    packets = read_packets(REAL / "rubin_lsst_v10_0_25alerts.parquet")
    packet = max(packets, key=lambda packet: abs(packet.source["snr"]))
    stamp = packet.stamp("Difference")
    y, x = np.unravel_index(np.abs(stamp.image).argmax(), stamp.image.shape)
    found = stamp.wcs.world_to_pixel_values(packet.source["ra"], packet.source["dec"])
    assert np.hypot(found[0] - x, found[1] - y) < 1.5


@needs_real
def test_the_packet_of_the_schema_package() -> None:
    (packet,) = read_packets(REAL / "lsst_v10_0_fakeAlert.avro")
    assert packet.id == 281323062375219200 and packet.name == "LSST-AP-DS-281323062375219200"
    assert len(packet.history) == 2 and packet.forced == [] and packet.asteroid is None
    assert packet.stamp("Science") is None


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_containers(codec: str) -> None:
    packets = list(read_packets(container(5, codec)))
    assert [packet.id - FIRST for packet in packets] == [0, 1, 2, 3, 4]
    assert [row["midpointMjdTai"] for row in packets[0].history] == [60990.0, 60999.0]  # oldest first
    assert packets[0].record["seen"] == 1_000_000 and packets[0].source["psfFlux"] is None
    assert packets[0].stamp("Science").image[1, 0] == 30 and packets[0].stamp("Template") is None


def test_gzipped_containers_and_parquet(tmp_path: Path) -> None:
    assert len(list(read_packets(gzip.compress(SMALL)))) == 2
    pq.write_table(pa.Table.from_pylist(records(20)), tmp_path / "a.parquet")
    assert [packet.id - FIRST for packet in read_packets(tmp_path / "a.parquet")] == list(range(20))


def test_messages_of_a_stream() -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), records(1)[0])
    message = struct.pack(">bI", 0, 703) + out.getvalue()
    known = {703: read_schema(SCHEMA)}
    assert read_message(message, known).id == FIRST
    for damaged, said in (
        (message[:4], "has 4 bytes"),
        (b"\x01" + message[1:], "zero byte"),
        (struct.pack(">bI", 0, 704) + out.getvalue(), "schema 704"),
        (message[:-1], "cut off"),
        (message + b"x", "ends after"),
    ):
        with pytest.raises(FormatError, match=said):
            read_message(damaged, known)
    with pytest.raises(FormatError, match="Confluent"):
        list(read_packets(message))


def test_one_block_in_memory_at_a_time() -> None:
    """A stream of packets is read as it comes: the first packets are there before the damage is met."""
    data = container(50)
    packets = read_packets(data[: len(data) * 3 // 4])
    assert next(packets).id == FIRST
    with pytest.raises(FormatError):
        list(packets)


# --- what is damaged


@given(st.integers(0, len(SMALL) - 1))
@settings(max_examples=60, deadline=None)
def test_a_container_cut_anywhere(end: int) -> None:
    """Cut at a block's end it is a shorter container, as the format has it; anywhere else it is told."""
    try:
        found = list(read_packets(SMALL[:end]))
    except FormatError:
        return
    assert len(found) < 2


@given(st.sampled_from([SMALL, PACKED]), st.integers(0, 3_000), st.binary(min_size=1, max_size=9))
@settings(max_examples=150, deadline=None)
def test_a_container_with_bytes_changed(data: bytes, at: int, new: bytes) -> None:
    damaged = data[:at] + new + data[at + len(new) :]
    try:
        for packet in read_packets(damaged):
            packet.stamp("Science")
    except FormatError as error:
        assert error.message


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes(data: bytes) -> None:
    for head in (b"", b"Obj\x01", b"PAR1", b"\x1f\x8b\x08"):
        with pytest.raises(FormatError):
            list(read_packets(head + data))


@given(st.integers(0, 8_000), st.binary(min_size=1, max_size=40))
@settings(max_examples=80, deadline=None)
def test_a_stamp_with_bytes_changed(at: int, new: bytes) -> None:
    good = stamp_file()
    for damaged in (good[:at] + new + good[at + len(new) :], good[:at]):
        try:
            read_stamp(damaged)
        except FormatError as error:
            assert "stamp" in error.message


# --- what is hostile


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"type": "array", "items": "null"}, "unknown type"),  # endless values without bytes
        ({"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}}, "size"),
        ({"type": "array", "items": {"type": "record", "name": "e", "fields": []}}, "no fields"),
        ({"type": "array", "items": "r"}, "recursive"),
        ({"type": "fixed", "name": "f", "size": 1 << 40}, "size"),
        ([], "empty"),
        (["null", ["null", "long"]], "union"),
        ({"type": "enum", "name": "e", "symbols": 7}, "symbols"),
        ({"type": 7}, "cannot be used"),
        ({}, "cannot be used"),
        (None, "none"),
        ("../etc", "name"),
        ("x" * 300, "name"),
        ({"type": "map"}, "none"),
    ],
)
def test_schemas_that_are_refused(kind: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        list(read_packets(framed(record_of(kind), block(1, b"\0"))))


def test_schemas_that_are_too_deep_or_too_wide() -> None:
    deep: Any = "long"
    for _ in range(40):
        deep = {"type": "array", "items": deep}
    chain = [{"type": "record", "name": "n0", "fields": [{"name": "a", "type": "long"}]}]
    for n in range(1, 40):
        chain.append({"type": "record", "name": f"n{n}", "fields": [{"name": "a", "type": f"n{n - 1}"}]})
    in_turn = [{"name": f"f{n}", "type": kind} for n, kind in enumerate(chain)]
    wide = [{"name": f"f{n}", "type": "long"} for n in range(avro_schema.MAX_TYPES + 1)]
    twice = [{"name": "a", "type": "long"}, {"name": "a", "type": "long"}]
    nested = b'{"type":' * 200_000
    for schema in (record_of(deep), *({"type": "record", "name": "r", "fields": f} for f in (in_turn, wide, twice))):
        with pytest.raises(FormatError):
            read_schema(schema)
    for text in (nested[:900_000], b"x" * (avro_schema.MAX_SCHEMA_BYTES + 1), b"[]", b'"long"', b"{", b"7", b"null"):
        with pytest.raises(FormatError):
            read_schema(text)


def test_a_block_that_would_fill_the_memory() -> None:
    """Records within records around one byte: each byte of data would become kilobytes."""
    kind: Any = "boolean"
    for n in range(8):
        kind = {"type": "record", "name": f"n{n}", "fields": [{"name": "a", "type": kind}]}
    data = long(900_000) + b"\1" * 900_000 + b"\0"
    with pytest.raises(FormatError, match="with this schema"):
        list(read_packets(framed(record_of({"type": "array", "items": kind}), block(1, data))))


def test_lengths_that_lie() -> None:
    huge = 1 << 60
    kind = record_of("bytes")
    for data in (
        framed(kind, block(1, long(huge) + b"abc")),
        framed(kind, block(1, long(-7) + b"abc")),
        framed(kind, long(1) + long(huge) + b"abc"),
        framed(kind, long(1) + long(-3) + b"abc"),
        framed(kind, block(huge, b"abc")),
        framed(kind, block(-1, b"abc")),
        framed(kind, block(1, long(2) + b"abc")),  # more bytes than records
        framed(kind, block(1, long(3) + b"abc")[:-1] + b"x"),  # another mark
        framed(record_of({"type": "array", "items": "long"}), block(1, long(huge) + b"\2\2")),
        framed(kind, b"\xff" * 12),
        b"Obj\x01" + long(huge),
        b"Obj\x01" + long(1) + long(huge),
        b"Obj\x01" + long(1) + long(3) + b"key" + long(huge),
        b"Obj\x01" + long(0) + b"M" * 16,
    ):
        with pytest.raises(FormatError):
            list(read_packets(data))


def test_blocks_that_inflate_without_end() -> None:
    worker = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = worker.compress(bytes(avro.MAX_BLOCK_BYTES * 4)) + worker.flush()
    for data in (bomb, bomb[: len(bomb) // 2], b"no deflate", b""):
        with pytest.raises(FormatError):
            list(read_packets(framed(record_of("bytes"), block(1, data), b"deflate")))
    with pytest.raises(FormatError, match="snappy"):
        list(read_packets(framed(record_of("bytes"), block(1, b"x"), b"snappy")))


def test_records_that_are_no_packets() -> None:
    with pytest.raises(FormatError, match="no diaSource"):
        list(read_packets(framed(record_of("long"), block(1, b"\2"))))
    good = {"diaSource": source(1)}
    for wrong in ({"diaSource": None}, {"diaSource": {"diaSourceId": "x"}}, {"diaSource": {"diaSourceId": 1}}):
        with pytest.raises(FormatError):
            Packet(wrong)
    with pytest.raises(FormatError, match="list"):
        _ = Packet({**good, "prvDiaSources": "abc"}).history
    with pytest.raises(FormatError, match="times"):
        _ = Packet({**good, "prvDiaSources": [{"a": 1}]}).history
    with pytest.raises(FormatError, match="bytes"):
        Packet({**good, "cutoutScience": "abc"}).stamp("Science")


def test_stamps_that_lie() -> None:
    good = stamp_file()
    for damaged in (
        good.replace(b"NAXIS1  =                   30", b"NAXIS1  =           3000000000"),
        good.replace(b"NAXIS1  =                   30", b"NAXIS1  =                  -30"),
        good.replace(b"NAXIS1  =                   30", b"NAXIS1  =                  400"),
        good[:3000],
        good.replace(b"UNCERT", b"UNCERX").replace(
            b"NAXIS   =                    2", b"NAXIS   =                    1"
        ),
        bytes(5 << 20),
        b"",
    ):
        with pytest.raises(FormatError, match="stamp"):
            read_stamp(damaged)
