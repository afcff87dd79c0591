"""Fetches an uploaded table from an http address (TAP 1.1, section 2.5.1): bounded in size and time, public hosts only.

The address that was checked is the one connected to, so a name cannot point elsewhere the second time it is asked
(DNS rebinding); each redirect is checked anew, and no proxy, cookie or token of this machine is used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import closing
from urllib.parse import urljoin, urlsplit

from ..addresses import is_public
from ..errors import LimitError, ServiceError

REDIRECTS = 5
CONNECT_SECONDS = 10.0
FETCH_SECONDS = 30.0  # for all of it: a query waits for its tables
PIECE = 1 << 16


def fetch(url: str, most_bytes: int, allowed: frozenset[str] = frozenset(), seconds: float = FETCH_SECONDS) -> bytes:
    """What ``url`` holds. ``allowed`` are host:port names that may be private.

    Raises ServiceError (not an address, private, unreachable, an error answer) or LimitError (too large, too slow).
    """
    until = time.monotonic() + seconds
    for _ in range(REDIRECTS + 1):
        host, port, secure, path = _parts(url)
        address = public_address(host, port, f"{host}:{port}" in allowed)
        try:
            answer = _get(host, port, secure, path, address, most_bytes, until)
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= until:
                raise LimitError(f"{url} took longer than {seconds:g} s.", "Send the table in the request.") from None
            raise ServiceError(f"{url} cannot be read ({error}).", "Check the address.", url=url) from None
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise ServiceError(f"Too many redirects from {url}.", url=url)


def _parts(url: str) -> tuple[str, int, bool, str]:
    """(host, port, whether https, path with query)."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
    except ValueError:
        raise ServiceError(f"{url!r} is not an address.", url=url) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ServiceError(f"{url!r} is not a plain http address.", url=url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(mark <= " " or mark > "~" for mark in path):
        raise ServiceError(f"{url!r} is not an address.", "Write other characters as %XX.", url=url)
    return parts.hostname.lower(), port, secure, path


def public_address(host: str, port: int, private: bool = False) -> tuple:
    """The socket address to connect to. Raises ServiceError when any address of ``host`` is not a public one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ServiceError(f"The host {host!r} cannot be found.", "Check the address.") from None
    for item in found:
        if not private and not is_public(item[4][0]):
            raise ServiceError(
                f"{host} is an address of a private network, from which no table is fetched.",
                "Send the table in the request, as UPLOAD=name,param:part.",
            )
    return found[0]


def _get(host: str, port: int, secure: bool, path: str, address: tuple, most_bytes: int, until: float) -> bytes | str:
    """The body of one answer, or the address a redirect names."""
    family, kind, protocol, _, place = address
    with closing(socket.socket(family, kind, protocol)) as link:
        link.settimeout(CONNECT_SECONDS)
        link.connect(place)
        # A server that sends one byte at a time stays within each wait: this ends it at the time agreed.
        held = [link]
        timer = threading.Timer(max(0.0, until - time.monotonic()), lambda: _cut(held[0]))
        timer.daemon = True
        timer.start()
        try:
            if secure:
                context = ssl.create_default_context()
                held[0] = context.wrap_socket(link, server_hostname=host, do_handshake_on_connect=False)
                held[0].do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = held[0]
            headers = {"User-Agent": "triview", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                return answer.headers["Location"]
            if answer.status != 200:
                raise ServiceError(f"http://{host}{path} answered with status {answer.status}.", "Check the address.")
            content = bytearray()
            while piece := answer.read(PIECE):
                content += piece
                if len(content) > most_bytes:
                    raise LimitError(f"The table at {host} is larger than {most_bytes >> 20} MiB.")
            if answer.length:
                raise ServiceError(f"The answer of {host} was cut.", "Try again.")
            if time.monotonic() >= until:
                raise TimeoutError("out of time")
            return bytes(content)
        finally:
            timer.cancel()
            held[0].close()


def _cut(link: socket.socket) -> None:
    """Wake a blocked read; the socket may have been closed meanwhile."""
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
