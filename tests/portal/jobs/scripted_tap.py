"""A scripted TAP service on loopback: it queues, runs, fails, cuts streams and stalls as a test tells it."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

from portal.archive.params import parse_multipart
from portal.table.columns import Column, TableMeta
from portal.table.votable_write import votable_bytes

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
META = TableMeta((Column("objectId", "long", ucd="meta.id;meta.main"), Column("x", "double", unit="deg")))
JOB = """<?xml version="1.0"?><uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0"
 xmlns:xlink="http://www.w3.org/1999/xlink"><uws:jobId>1</uws:jobId><uws:phase>{phase}</uws:phase>
 <uws:errorSummary><uws:message>{error}</uws:message></uws:errorSummary>
 <uws:results><uws:result id="result" xlink:href="{result}"/></uws:results>{told}</uws:job>"""


def votable(rows: int = 3) -> bytes:
    ids = pa.array([IDS[n % 3] for n in range(rows)], pa.int64())
    batch = pa.RecordBatch.from_arrays([ids, pa.array([float(n) for n in range(rows)])], schema=META.to_schema())
    return b"".join(votable_bytes(META, [batch]))


class Script:
    """What the service does. ``phases`` are gone through at each look at the job; the last one stays."""

    def __init__(self) -> None:
        self.phases = ["QUEUED", "EXECUTING", "COMPLETED"]
        self.error = ""
        self.body = votable()
        self.cut = 0  # bytes after which the result's connection is closed; 0 for never
        self.pause = 0.0  # seconds between parts of the result
        self.asked: list[tuple[str, str, dict]] = []
        self.aborted = threading.Event()
        self.refuse = ""
        self.capabilities = b""  # nothing: the service does not tell
        self.headers: dict[str, str] = {"Content-Type": "application/x-votable+xml"}  # of the result
        self.length = True  # whether the result's length is told
        self.stall = threading.Event()  # set: the result's connection stays open after ``cut`` bytes and says nothing
        self.told = ""  # of the job, beside its phase
        self.over = threading.Event()


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _send(self, body: bytes, status: int = 200, kind: str = "text/xml", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            fields, files = parse_multipart(self.rfile.read(length), kind)
            form = {**dict(fields), "files": files}
        else:
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        self.script.asked.append(("POST", self.path, form))
        host = f"http://{self.headers['Host']}"
        if self.path == "/tap/async":
            if self.script.refuse:
                self._send(self.script.refuse.encode(), 400)
            else:
                self._send(b"", 303, Location=f"{host}/tap/async/1")
        elif self.path == "/tap/async/1/phase":
            if form.get("PHASE") == "ABORT":
                self.script.aborted.set()
            self._send(b"", 303, Location=f"{host}/tap/async/1")
        else:
            self._send(b"", 404)

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        self.script.asked.append(("GET", self.path, dict(self.headers)))
        host = f"http://{self.headers['Host']}"
        if path.path == "/tap/async/1":
            phases = self.script.phases
            phase = "ABORTED" if self.script.aborted.is_set() else phases.pop(0) if len(phases) > 1 else phases[0]
            words = self.script.error if phase == "ERROR" else ""
            self._send(JOB.format(phase=phase, error=words, result=f"{host}/result", told=self.script.told).encode())
        elif path.path == "/tap/capabilities" and self.script.capabilities:
            self._send(self.script.capabilities)
        elif path.path == "/tap/async/1/error":
            self._send(self.script.error.encode(), kind="text/plain")
        elif path.path == "/result":
            self._result()
        elif path.path == "/elsewhere":
            self._send(b"", 302, Location="http://169.254.169.254/latest/meta-data")
        else:
            self._send(b"no such thing", 404, "text/plain")

    def _result(self) -> None:
        body = self.script.body
        self.send_response(200)
        for name, value in self.script.headers.items():
            self.send_header(name, value)
        if self.script.length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        end = self.script.cut or len(body)
        for start in range(0, end, 65536):
            self.wfile.write(body[start : min(end, start + 65536)])
            self.wfile.flush()
            time.sleep(self.script.pause)
        if self.script.stall.is_set():
            self.script.over.wait(30)
        if self.script.cut or not self.script.length:
            self.close_connection = True
