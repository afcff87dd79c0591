"""HTTP to other people's services: time limits, tokens for their own host only, no private addresses by surprise."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx

from ..addresses import is_public
from ..config import Settings
from ..errors import LimitError, ServiceError

SMALL_ANSWER = 32 << 20  # documents (job lists, links, schemas, cutouts) larger than this are not what they say
REDIRECTS = 5
UNTOLD_WAIT = 10.0  # seconds after a 429 that does not say how long
MOST_WAIT = 120.0  # a user waits no longer for a quota of requests a minute


def origin_of(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an address. Raises ServiceError when it is not an http address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ServiceError(f"{url!r} is not an address.", url=url) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError(f"{url!r} is not an http or https address.", url=url)
    return parts.scheme, parts.hostname.lower(), port


def is_private(host: str) -> bool:
    """Whether any address of ``host`` is not a public one (loopback, link-local, private networks)."""
    try:
        found = {item[4][0] for item in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):  # no answer, or no name that can be asked for
        raise ServiceError(f"The host {host!r} cannot be found.", "Check the address, or try again later.") from None
    return not all(map(is_public, found))


class BusyError(ServiceError):
    """HTTP 429: our share of a service is used up. ``seconds`` is how long it asks us to wait."""

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(f"The service at {url} has had too many requests.", "Try again in a minute.", 429, url)
        self.seconds = seconds


def busy(answer: httpx.Response, url: str) -> BusyError:
    """What an answer of status 429 means; Retry-After is seconds or a date (RFC 9110), and bounded here."""
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        seconds = UNTOLD_WAIT
    return BusyError(url, min(max(seconds, 1.0), MOST_WAIT))


class Web:
    """One HTTP client for a session of work with services.

    Configured services (the TAP service and its host) are trusted with the token; links that come out of results are
    followed only to the same host, to configured private hosts, or to public addresses.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._home = {origin_of(settings.service_url)}
        self._private = {item.strip().lower() for item in settings.private_hosts.split(",") if item.strip()}
        # trust_env off: a proxy from the environment must not see loopback traffic or tokens.
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.http_seconds, connect=10.0),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            headers={"User-Agent": "triview/0.1"},
        )

    def is_home(self, url: str) -> bool:
        """Whether an address is on the host of the TAP service."""
        try:
            return origin_of(url) in self._home
        except ServiceError:
            return False

    def check(self, url: str) -> None:
        """Raises ServiceError when ``url`` must not be fetched."""
        scheme, host, port = origin_of(url)
        if (scheme, host, port) in self._home or f"{host}:{port}" in self._private:
            return
        if is_private(host):
            raise ServiceError(
                f"The address {url} points into a private network and was not fetched.",
                f"If it is meant to, add {host}:{port} to TRIVIEW_PRIVATE_HOSTS.",
                url=url,
            )

    def _headers(self, url: str) -> dict[str, str]:
        token = self.settings.tap_token
        return {"Authorization": f"Bearer {token}"} if token and origin_of(url) in self._home else {}

    def _send(
        self, method: str, url: str, seconds: float | None, anonymous: bool = False, **more: object
    ) -> httpx.Response:
        """One request with redirects followed by hand, so that each hop is checked and tokens stay at home."""
        for _ in range(REDIRECTS):
            self.check(url)
            headers = {} if anonymous else self._headers(url)
            try:
                request = self._client.build_request(method, url, headers=headers, **more)
            except httpx.InvalidURL as error:
                raise ServiceError(f"{url[:200]!r} is not an address ({error}).", url=url[:200]) from None
            if seconds:
                request.extensions["timeout"] = httpx.Timeout(seconds, connect=10.0).as_dict()
            try:
                answer = self._client.send(request, stream=True)
            except httpx.TimeoutException:
                raise ServiceError(
                    f"{url} did not answer in time.", "Try again; the service may be busy.", url=url
                ) from None
            except httpx.HTTPError as error:
                raise ServiceError(
                    f"The service at {url} cannot be reached ({error}).",
                    "It may be down. What you have is kept; try again later.",
                    url=url,
                ) from None
            if answer.is_redirect:
                answer.close()
                try:
                    url = str(answer.url.join(answer.headers["location"]))
                except (KeyError, httpx.InvalidURL):
                    raise ServiceError(f"{url} leads on to no address.", status=answer.status_code, url=url) from None
                method, more = "GET", {}
                continue
            return answer
        raise ServiceError(f"Too many redirects from {url}.", url=url)

    def get(self, url: str, seconds: float | None = None, **params: str) -> httpx.Response:
        """A whole small answer. Raises ServiceError when the service cannot be reached, LimitError when it is large."""
        return read_small(self._send("GET", url, seconds, params=params or None))

    def post(self, url: str, **data: str) -> httpx.Response:
        """POST of form data, the answer whole. A 303 is followed as GET, as UWS wants it."""
        return read_small(self._send("POST", url, None, data=data))

    def post_location(self, url: str, files: dict[str, tuple[str, BinaryIO, str]] | None = None, **data: str) -> str:
        """POST of form data whose answer is a place (303). Returns that address; any other answer raises.

        ``files``: part name to (file name, open file, media type), read as they are sent.
        """
        self.check(url)
        try:
            answer = self._client.post(url, data=data, files=files, headers=self._headers(url))
        except httpx.HTTPError as error:
            raise ServiceError(
                f"The service at {url} cannot be reached ({error}).",
                "It may be down. Your query is kept; try again later.",
                url=url,
            ) from None
        if answer.status_code in (301, 302, 303, 307) and "location" in answer.headers:
            return str(answer.url.join(answer.headers["location"]))
        raise ServiceError(error_text(answer), status=answer.status_code, url=url)

    def delete(self, url: str) -> None:
        """DELETE, the answer ignored but for failures to connect."""
        self._send("DELETE", url, None).close()

    @contextmanager
    def stream(self, url: str, anonymous: bool = False, **params: str) -> Iterator[httpx.Response]:
        """An answer whose bytes are read as they come (``iter_bytes``).

        ``anonymous``: never with the portal's token, for addresses that a user gives.
        """
        answer = self._send("GET", url, None, anonymous, params=params or None)
        try:
            yield answer
        except httpx.HTTPError as error:
            raise ServiceError(
                f"The connection to {url} broke before the end ({error}).",
                "Try again. Rows that came are kept.",
                url=url,
            ) from None
        finally:
            answer.close()

    def close(self) -> None:
        self._client.close()


def read_small(answer: httpx.Response) -> httpx.Response:
    """The answer with its bytes read. Raises LimitError when it is large, ServiceError when it breaks."""
    parts, size = [], 0
    try:
        for part in answer.iter_bytes():
            size += len(part)
            if size > SMALL_ANSWER:
                raise LimitError(f"The answer of {answer.url} is larger than {SMALL_ANSWER >> 20} MiB.")
            parts.append(part)
    except httpx.HTTPError as error:
        raise ServiceError(f"The connection to {answer.url} broke ({error}).", url=str(answer.url)) from None
    finally:
        answer.close()
    answer._content = b"".join(parts)
    return answer


def error_text(answer: httpx.Response) -> str:
    """What an error answer says: the text of its VOTable INFO when it is one, else its plain text, bounded."""
    body = answer.content[: 1 << 16].decode("utf-8", "replace")
    if "<VOTABLE" in body[:2000] or "<INFO" in body:
        try:
            for item in parse_xml(answer.content).iter():
                if item.tag.rsplit("}", 1)[-1] == "INFO" and item.get("value") == "ERROR":
                    return (item.text or "").strip()[:4000] or "The service reports an error without a text."
        except ServiceError:
            return body[:400]
    if "<html" in body[:500].lower() or not body.strip():
        return f"The service answered with HTTP status {answer.status_code}."
    return body.strip()[:4000]


def parse_xml(content: bytes) -> ElementTree.Element:
    """An XML document from outside. A DOCTYPE is refused: it can name files and expand without end."""
    if b"<!DOCTYPE" in content[:65536] or b"<!ENTITY" in content:
        raise ServiceError("The service sent XML with a DOCTYPE, which is not accepted.")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ServiceError(f"The service sent a document that is not XML ({error}).") from None
