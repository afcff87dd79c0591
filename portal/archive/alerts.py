"""Alert packets of the sample's DiaSources: what was known when each was taken, from the served tables and pixels.

A packet holds nothing of later visits: history and forced photometry end before it, and the statistics of the
object are those of that moment. Knows nothing of HTTP.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.write import Writer

from ..errors import CancelledError, LimitError
from . import alerts_schema as schema
from .alerts_object import object_record
from .images import NotFound
from .sample.packets import cutouts

if TYPE_CHECKING:
    import duckdb

    from .app import Archive

HISTORY_DAYS = 365.25  # of sources and forced photometry in a packet, as Rubin sends them
CHUNK = 40  # packets for which the tables are asked at once: 6 MB
MAX_IDS = 100  # in one request: 15 MB
# One night of the largest sample has some 10,000 packets of 150 kB, made in three minutes.
MAX_NIGHT_PACKETS = 50_000
MAX_NIGHT_BYTES = 8 << 30
MAX_NIGHT_SECONDS = 3600.0
NIGHT = 100_000  # a visit is its observing day times this, plus its number

_SOURCE, _OBJECT = "dp2.DiaSource", "dp2.DiaObject"
_FORCED = "dp02_dc2_catalogs.ForcedSourceOnDiaObject"
_FORCED_COLUMNS = {
    "diaForcedSourceId": "forcedSourceOnDiaObjectId",
    "diaObjectId": "diaObjectId",
    "ccdVisitId": "ccdVisitId",
    "band": "band",
    "psfFlux": "psfDiffFlux",  # in packets, plain fluxes are those of the difference
    "psfFluxErr": "psfDiffFluxErr",
    "scienceFlux": "psfFlux",
    "scienceFluxErr": "psfFluxErr",
}


class Alerts:
    """Makes packets for one request, in one thread at a time; ``close`` it. ``stop`` may come from any thread."""

    def __init__(self, archive: Archive) -> None:
        self._store, self._pixels = archive.store, archive.images.pixels()
        self._cursor: duckdb.DuckDBPyConnection | None = archive.store.cursor()
        self._lock = Lock()
        self._stopped = False
        self.schema = archive.store.kept("alert schema", _schema, archive.store.tables)
        self._times = archive.store.kept("visit times", self._visit_times)

    def close(self) -> None:
        """Give the cursor back; may be called again."""
        with self._lock:
            cursor, self._cursor = self._cursor, None
        if cursor is not None:
            self._store.release(cursor)

    def stop(self) -> None:
        """End the work, whatever it is at."""
        self._stopped = True
        with self._lock:
            if self._cursor is not None:
                self._cursor.interrupt()

    def nights(self) -> list[tuple[int, int]]:
        """(observing day as YYYYMMDD, number of DiaSources) of every night that has any."""
        sql = f'SELECT visit // {NIGHT}, COUNT(*) FROM "{_SOURCE}" GROUP BY ALL ORDER BY ALL'
        return self._ask(_SOURCE, sql).fetchall()

    def of_night(self, day: int) -> list[int]:
        """diaSourceIds of a night by visit and detector. Raises NotFound or LimitError."""
        where = f"visit BETWEEN {day * NIGHT} AND {day * NIGHT + NIGHT - 1}"
        sql = f'SELECT diaSourceId FROM "{_SOURCE}" WHERE {where} ORDER BY visit, detector, diaSourceId'
        found = [row[0] for row in self._ask(_SOURCE, sql).fetchall()]
        if not found:
            raise NotFound(f"There are no alerts of the night {day}.", "The list of nights is /api/alerts/nights.")
        if len(found) > MAX_NIGHT_PACKETS:
            raise LimitError(f"The night {day} has {len(found):,} alerts; {MAX_NIGHT_PACKETS:,} go into one file.")
        return found

    def packets(self, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The packets of DiaSources in this order, the tables asked for CHUNK of them at once. Raises NotFound."""
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            sources = {row["diaSourceId"]: row for row in self._sources("diaSourceId", part)}
            if missing := [ident for ident in part if ident not in sources]:
                raise NotFound(f"There is no DiaSource {missing[0]}.")
            yield from self._chunk([sources[ident] for ident in part])

    def container(self, ids: Sequence[int]) -> Generator[bytes]:
        """An Avro container file of these packets, a block for each. Equal requests give equal bytes.

        Raises LimitError when it grows beyond the bounds of one night's file.
        """
        out, sent, begun = BytesIO(), 0, time.monotonic()
        mark = blake2b(repr(list(ids)).encode(), digest_size=16).digest()
        about = {"simulated": "true"}
        writer = Writer(out, schema.compiled(self.schema), sync_interval=1, metadata=about, sync_marker=mark)
        for packet in self.packets(ids):
            writer.write(packet)
            writer.flush()
            sent += out.tell()
            if sent > MAX_NIGHT_BYTES or time.monotonic() - begun > MAX_NIGHT_SECONDS:
                raise LimitError("The file of alerts became too large or took too long.", "Ask for single alerts.")
            yield out.getvalue()
            if self._stopped:
                return
            out.seek(0)
            out.truncate()

    def _chunk(self, sources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        objects = {row["diaObjectId"] for row in sources} - {None, 0}
        bodies = {row["ssObjectId"] for row in sources} - {None, 0}
        history = _grouped(self._sources("diaObjectId", objects), "diaObjectId")
        forced = _grouped(self._forced(objects), "diaObjectId")
        base = {row["diaObjectId"]: row for row in self._rows(_OBJECT, "diaObject", "diaObjectId", objects)}
        geometry = self._asteroids([row["diaSourceId"] for row in sources] if bodies else [])
        orbits = self._orbits(bodies)
        targets = self._targets({row["visit"] for row in sources})
        for source in sources:
            now, ident = source["midpointMjdTai"], source["diaObjectId"]
            before = [row for row in history[ident] if now - HISTORY_DAYS <= row["midpointMjdTai"] < now]
            place = base.get(ident)
            measured = [self._at(row, place) for row in forced[ident]] if place else []
            measured = [row for row in measured if now - HISTORY_DAYS <= row["midpointMjdTai"] < now]
            measured.sort(key=lambda row: row["midpointMjdTai"])
            yield {
                "diaSourceId": source["diaSourceId"],
                "observation_reason": None,
                "target_name": targets.get(source["visit"]),
                "diaSource": source,
                "prvDiaSources": before or None,
                "prvDiaForcedSources": measured or None,
                "diaObject": object_record(place, [*before, source], measured) if place else None,
                "ssSource": geometry.get(source["diaSourceId"]),
                "mpc_orbits": orbits.get(source["ssObjectId"]),
                **cutouts(self._pixels, source),
            }

    def _sources(self, column: str, ids: Iterable[int]) -> list[dict[str, Any]]:
        rows = self._rows(_SOURCE, "diaSource", column, ids)
        for row in rows:
            # The sample tells the day on which it was processed; an alert leaves a minute after its visit.
            row["timeProcessedMjdTai"] = row["midpointMjdTai"] + 60.0 / 86400
        return sorted(rows, key=lambda row: row["midpointMjdTai"])

    def _forced(self, ids: Iterable[int]) -> list[dict[str, Any]]:
        columns = ", ".join(f"{old} AS {new}" for new, old in _FORCED_COLUMNS.items())
        return self._found(_FORCED, f'SELECT {columns} FROM "{_FORCED}"', "diaObjectId", ids)

    def _at(self, row: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
        """A forced measurement with its time and its object's place."""
        visit, detector = divmod(row["ccdVisitId"], 1000)
        when = self._times.get(visit, 0.0)
        made = {**row, "visit": visit, "detector": detector, "ra": place["ra"], "dec": place["dec"]}
        made |= {"midpointMjdTai": when, "timeProcessedMjdTai": when + 1.0}  # forced on the day after
        return schema.cleaned("diaForcedSource", made)

    def _targets(self, visits: Iterable[int]) -> dict[int, str]:
        """What each visit was pointed at, as ObsCore has it."""
        select = 'SELECT DISTINCT lsst_visit, target_name FROM "ivoa.ObsCore"'
        found = self._found("ivoa.ObsCore", select, "lsst_visit", visits)
        return {row["lsst_visit"]: row["target_name"] for row in found}

    def _asteroids(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        return {row["diaSourceId"]: row for row in self._rows("dp2.SSSource", "ssSource", "diaSourceId", ids)}

    def _orbits(self, bodies: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Orbits by ssObjectId; the designation leads from one table to the other."""
        named = self._found("dp2.SSObject", 'SELECT ssObjectId, designation FROM "dp2.SSObject"', "ssObjectId", bodies)
        body = {row["designation"]: row["ssObjectId"] for row in named}
        found = {}
        for row in self._rows("dp2.mpc_orbits", "mpc_orbits", "designation", body):
            for name in ("packed_primary_provisional_designation", "unpacked_primary_provisional_designation"):
                row[name] = row[name] or row["designation"]
            found[body[row["designation"]]] = row
        return found

    def _rows(self, table: str, record: str, column: str, values: Iterable[Any]) -> list[dict[str, Any]]:
        """Rows of a served table as a record of the schema; dates stay out, they are text in the tables."""
        served = {item.name for item in self._store.tables[table].columns}
        wanted = [name for name, kind, _ in schema.fields(record) if name in served and kind != "time"]
        names = ", ".join(f'"{name}"' for name in wanted)
        rows = self._found(table, f'SELECT {names} FROM "{table}"', column, values)
        return [schema.cleaned(record, row) for row in rows]

    def _found(self, table: str, select: str, column: str, values: Iterable[Any]) -> list[dict[str, Any]]:
        wanted = list(values)
        if not wanted:
            return []
        sql = f'{select} WHERE "{column}" IN ({", ".join("?" for _ in wanted)})'
        answer = self._ask(table, sql, wanted)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row)) for row in answer.fetchall()]

    def _ask(self, table: str, sql: str, values: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        if self._cursor is None:
            raise CancelledError("The request for alerts was closed.")
        self._store.view(self._cursor, table, sql)
        return self._cursor.execute(sql, list(values))

    def _visit_times(self) -> dict[int, float]:
        return dict(self._ask("dp1.Visit", 'SELECT visit, expMidptMJD FROM "dp1.Visit"').fetchall())


def message(packet: Mapping[str, Any], of: dict[str, Any], number: int) -> bytes:
    """A packet in Confluent's wire format, as brokers receive it; ``number`` is that of the schema."""
    out = BytesIO()
    out.write(b"\0" + number.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, schema.compiled(of), packet)
    return out.getvalue()


def _schema(tables: Mapping[str, Any]) -> dict[str, Any]:
    named = {table for _, table in schema.RECORDS.values()}
    about = {name: {column.name: column.description for column in tables[name].columns} for name in named}
    return schema.alert_schema(about)


def _grouped(rows: Iterable[dict[str, Any]], column: str) -> defaultdict[Any, list[dict[str, Any]]]:
    found: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found
