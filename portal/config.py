"""Settings: every limit and address of the portal, each with its default and its reason.

Read from the environment (``TRIVIEW_<NAME>``) or from one TOML file (``--config``); the environment wins.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import TriviewError

PREFIX = "TRIVIEW_"
PRESETS = ("tiny", "small", "default", "deep", "large", "billion")


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triview"


def setting(default: Any, help: str, *, secret: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """A field of ``Settings`` with the words that README and ``--help`` show for it."""
    meta = {"help": help, "secret": secret, "choices": choices}
    if callable(default):
        return field(default_factory=default, metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class Settings:
    """All settings. Sizes are in bytes, times in seconds, unless the name says otherwise."""

    host: str = setting("127.0.0.1", "Address to listen on. Loopback, because the portal has no accounts of its own.")
    port: int = setting(5006, "Port of the page. PORT in the environment is read too.")
    origins: str = setting("", "Other host:port names, comma separated, whose pages may open the websocket.")
    data: Path = setting(_cache_folder, "Folder for the sample sky, results, history and the signing secret.")
    preset: str = setting("default", "Size of the sample sky: more is deeper, and slower to make.", choices=PRESETS)
    seed: int = setting(2026, "Seed of the sample sky: the same seed gives the same sky, byte for byte.")
    tap_url: str = setting("", "TAP service to use instead of the embedded archive, e.g. https://host/api/tap.")
    tap_token: str = setting("", "Bearer token for that service, sent to its host only.", secret=True)
    hips_list_url: str = setting("", "HiPS list of the sky view; empty means the embedded surveys.")
    moc_list_url: str = setting("", "List of coverage maps (an IPAC table, as Rubin's); empty: the embedded ones.")
    resolver_url: str = setting(
        "https://cds.unistra.fr/cgi-bin/nph-sesame",
        "Sesame name resolver, asked by the server when a user writes a name; empty for none.",
    )
    private_hosts: str = setting("", "Private host:port names that links in results may point to; others are refused.")
    maxrec: int = setting(50_000, "Row limit of a query unless the user sets another: a first look stays quick.")
    maxrec_ceiling: int = setting(10_000_000, "Largest row limit a user can set: what one machine pages well.")
    result_bytes: int = setting(8 << 30, "Largest answer that is received; the rest is cut and marked.")
    upload_bytes: int = setting(1 << 30, "Largest file that a user can upload: 5M rows of a usual catalogue.")
    image_bytes: int = setting(8 << 30, "Disk that fetched images may take, some 100 whole exposures; the oldest go.")
    image_requests: int = setting(35, "Image requests a minute to a remote service: what a Rubin platform grants.")
    keep_days: int = setting(14, "Days that unused results and history stay on disk.")
    workers: int = setting(8, "Threads for decoding, filtering and drawing; they wait on disk and network a lot.")
    http_seconds: float = setting(60.0, "Silence after which a remote service counts as down.")
    archive_memory: str = setting("4GB", "Memory that the archive's query engine may take before it uses disk.")
    archive_threads: int = setting(0, "Threads of the archive's query engine; 0 means one per core.")
    sync_seconds: float = setting(60.0, "Longest synchronous archive query; longer ones belong in async.")
    async_seconds: float = setting(600.0, "Longest asynchronous archive query.")
    spark: str = setting(
        "", "Spark cluster for archive queries that no position or id bounds, e.g. spark://127.0.0.1:7077."
    )
    user_header: str = setting("", "Header in which a trusted proxy names the user, e.g. X-Auth-Request-User.")
    session_minutes: float = setting(5.0, "How long a page that lost its connection finds its Python state again.")
    log_level: str = setting("INFO", "Level of the log.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))

    @property
    def archive_url(self) -> str:
        """Base address of the embedded archive as the portal itself reaches it."""
        host = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}"

    @property
    def service_url(self) -> str:
        """The TAP service in use."""
        return (self.tap_url or f"{self.archive_url}/api/tap").rstrip("/")

    @property
    def hips_list(self) -> str:
        """Where the list of sky surveys is."""
        return self.hips_list_url or f"{self.archive_url}/api/hips/list"

    @property
    def moc_list(self) -> str:
        """Where the list of coverage maps is, or "" where there is none."""
        return self.moc_list_url or (f"{self.archive_url}/api/hips/moc-list.tbl" if self.embedded else "")

    @property
    def embedded(self) -> bool:
        """Whether the embedded archive is the service in use."""
        return not self.tap_url


def _convert(name: str, kind: str, text: Any) -> Any:
    try:
        if kind == "Path":
            return Path(str(text)).expanduser()
        return {"int": int, "float": float, "str": str}[kind](text)
    except (TypeError, ValueError):
        raise TriviewError(
            f"Setting {PREFIX}{name.upper()} has the value {text!r}, which is not a valid {kind}.",
            "Correct it in the environment or in the configuration file.",
        ) from None


def load_settings(environ: Mapping[str, str] | None = None, file: Path | None = None, **overrides: Any) -> Settings:
    """Settings from defaults, then ``file`` (TOML), then the environment, then ``overrides`` that are not None.

    Raises TriviewError when a name is unknown, a value does not fit, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    known = {item.name: item for item in fields(Settings)}
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values.update(tomllib.loads(Path(file).read_text()))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise TriviewError(f"The configuration file {file} cannot be read: {error}.") from None
    if environ.get("PORT"):
        values["port"] = environ["PORT"]
    for key, text in environ.items():
        if key.startswith(PREFIX) and key[len(PREFIX) :].lower() in known:
            values[key[len(PREFIX) :].lower()] = text
    values.update({name: value for name, value in overrides.items() if value is not None})
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise TriviewError(f"Unknown setting: {', '.join(unknown)}.", f"Known ones: {', '.join(known)}.")
    result = {name: _convert(name, str(known[name].type), value) for name, value in values.items()}
    for name, value in result.items():
        choices = known[name].metadata["choices"]
        if choices and value not in choices:
            raise TriviewError(f"Setting {name} is {value!r}.", f"Use one of: {', '.join(choices)}.")
    return Settings(**result)


def describe_settings() -> list[tuple[str, str, str]]:
    """(environment name, default as text, help) of each setting, in order, for README and ``--help``."""
    rows = []
    for item in fields(Settings):
        default = item.default if item.default_factory is not _cache_folder else "~/.cache/triview"
        rows.append((PREFIX + item.name.upper(), str(default), item.metadata["help"]))
    return rows
