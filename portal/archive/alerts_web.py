"""The alert service, with the parameters of the Rubin platform's: one packet, several, or those of a night."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import TriviewError
from .alerts import MAX_IDS, Alerts
from .alerts_fits import alert_fits, cutouts_fits
from .cutouts import FITS
from .images import NotFound
from .params import Parameters, UsageError
from .soda import FileHandler

if TYPE_CHECKING:
    from .app import Archive

AVRO = "application/x-avro-ocf"
PREFIX = "LSST-AP-DS-"
USAGE = (
    "Send ID=<diaSourceId>, several times for several; /api/alerts/nights lists the nights, "
    "/api/alerts/night?DAY_OBS=YYYYMMDD gives all packets of one."
)
_FORMATS = {"application/x-avro-ocf": "avro", FITS: "fits", "application/json": "json"}


def alert_id(text: str) -> int:
    """The diaSourceId in ``text``, a number or LSST-AP-DS-number. Raises UsageError."""
    number = text.strip().removeprefix(PREFIX)
    if not (number.isascii() and number.isdecimal() and len(number) < 20 and int(number) < 1 << 63):
        raise UsageError(f"{text[:60]!r} is not the number of an alert.", USAGE)
    return int(number)


def asked_ids(asked: Parameters) -> list[int]:
    """All different IDs of a request, in its order. Raises UsageError."""
    ids = list(dict.fromkeys(alert_id(text) for text in asked.all("ID")))
    if not ids:
        raise UsageError("Parameter ID is missing.", USAGE)
    if len(ids) > MAX_IDS:
        raise UsageError(f"{len(ids)} alerts were asked for; up to {MAX_IDS} go into one answer.", USAGE)
    return ids


def as_json(value: Any) -> Any:
    """A packet as JSON can hold it: bytes in base64, what is not finite as null."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: as_json(part) for name, part in value.items()}
    return [as_json(part) for part in value] if isinstance(value, list) else value


class AlertHandler(FileHandler):
    """Common to all: work with an ``Alerts`` in the pixel threads, and errors as plain text."""

    def status_of(self, error: TriviewError) -> int:
        return 404 if isinstance(error, NotFound) else 400

    async def with_alerts(self, call: Callable[[Alerts], Any]) -> Any:
        def work() -> Any:
            alerts = Alerts(self.archive)
            self._gone.append(alerts.stop)
            try:
                return call(alerts)
            finally:
                self._gone.remove(alerts.stop)
                alerts.close()

        return await self.work(work, pool=self.archive.pixels)

    async def send_container(self, ids: list[int], name: str) -> None:
        """Stream the packets as an Avro file; a client that goes away ends the work."""
        alerts = await self.work(Alerts, self.archive, pool=self.archive.pixels)
        self.set_header("Content-Disposition", f'attachment; filename="{name}.avro"')
        try:
            await self.stream(alerts.container(ids), AVRO, lambda: self.archive.pixels, alerts.stop)
        finally:
            alerts.close()

    def send_json(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(value))

    async def one(self) -> dict[str, Any]:
        """The packet of the one ID of this request."""
        ids = asked_ids(self.parameters())
        if len(ids) > 1:
            raise UsageError(f"{len(ids)} alerts were asked for; here one at a time.")
        return await self.with_alerts(lambda alerts: next(alerts.packets(ids)))


class PacketHandler(AlertHandler):
    """/api/alerts"""

    async def get(self) -> None:
        asked = self.parameters()
        ids = asked_ids(asked)
        given = asked.get("RESPONSEFORMAT")
        form = Parameters([("RESPONSEFORMAT", _FORMATS.get(given, given))]).choice(
            "RESPONSEFORMAT", ("avro", "fits", "json"), "avro"
        )
        if form == "avro":
            await self.send_container(ids, f"alert-{ids[0]}" if len(ids) == 1 else "alerts")
        elif form == "json" and len(ids) > 1:
            self.send_json(as_json(await self.with_alerts(lambda alerts: list(alerts.packets(ids)))))
        elif form == "json":
            self.send_json(as_json(await self.one()))
        else:
            packet = await self.one()
            self.send(await self.work(alert_fits, packet), f"alert-{ids[0]}.fits")


class CutoutHandler(AlertHandler):
    """/api/alerts/cutouts: the stamps of one alert as a FITS file."""

    async def get(self) -> None:
        packet = await self.one()
        self.send(await self.work(cutouts_fits, packet), f"cutouts-{packet['diaSourceId']}.fits")


class SchemaHandler(AlertHandler):
    """/api/alerts/schema: the Avro schema of all packets; ID may be given and changes nothing."""

    async def get(self) -> None:
        self.send_json(await self.with_alerts(lambda alerts: alerts.schema))


class NightsHandler(AlertHandler):
    """/api/alerts/nights: observing days with their numbers of alerts."""

    async def get(self) -> None:
        nights = await self.with_alerts(lambda alerts: alerts.nights())
        self.send_json([{"day_obs": day, "alerts": number} for day, number in nights])


class NightHandler(AlertHandler):
    """/api/alerts/night?DAY_OBS=YYYYMMDD (or NIGHT): the stream of a night as a file."""

    async def get(self) -> None:
        asked = self.parameters()
        text = asked.get("DAY_OBS") or asked.require("NIGHT")
        if not (text.isascii() and text.isdecimal() and len(text) == 8):
            raise UsageError(f"{text[:60]!r} is not a night.", USAGE)
        ids = await self.with_alerts(lambda alerts: alerts.of_night(int(text)))
        await self.send_container(ids, f"alerts-{text}")


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    return [
        (r"/api/alerts/?", PacketHandler, options),
        (r"/api/alerts/cutouts", CutoutHandler, options),
        (r"/api/alerts/schema", SchemaHandler, options),
        (r"/api/alerts/nights", NightsHandler, options),
        (r"/api/alerts/night", NightHandler, options),
    ]
