"""What every JavaScript widget shares: where its built file lies and how a user's gesture becomes a parameter."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import param
from bokeh.document.events import ModelChangedEvent
from bokeh.embed.bundle import extension_dirs
from panel.custom import JSComponent
from panel.io.state import state
from panel.util import classproperty

DIST = Path(__file__).resolve().parent.parent / "static" / "dist"
# Panel serves a bundle that lies outside the component's folder only from a registered folder.
extension_dirs["triview"] = DIST

MAX_TEXT = 1_000_000  # characters in one field of a gesture: an ADQL text may be long, a page is not
MAX_ITEMS = 100_000  # members of one field of a gesture: a lasso has hundreds, a page of rows 100

log = logging.getLogger(__name__)


class Gesture(param.Parameter):
    """A parameter that holds the last gesture of the user's hand, or None before the first.

    ``kind`` is a NamedTuple whose first field is the serial ``n``: the same gesture made twice gives two
    different values, so watchers run twice. Gestures never travel from Python to the browser.
    """

    __slots__ = ["kind"]

    def __init__(self, kind: type[tuple] | None = None, **params: Any) -> None:
        super().__init__(default=None, allow_None=True, **params)
        self.kind = kind


@lru_cache(maxsize=64)
def _mapping(cls: type[JSWidget]) -> dict[str, str | None]:
    """Python name to browser name; None keeps a parameter here. Panel asks for it at every change."""
    mapping = dict(JSComponent._property_mapping)
    for owner in reversed(cls.__mro__):
        mapping |= vars(owner).get("_rename", {})
        mapping |= {name: None for name, value in vars(owner).items() if isinstance(value, Gesture)}
    return mapping


class JSWidget(JSComponent):
    """A Panel component drawn by ``static/<noun>.js``, built to ``static/dist/<noun>.js``.

    Gestures come as messages ``{"gesture": name, field: value, ...}``. They are applied in the order in which
    they arrived, also when Panel runs with several threads, and land in the ``Gesture`` parameter of that
    name. A message that does not fit its NamedTuple is dropped with a warning in the log.
    """

    noun: ClassVar[str] = ""

    __abstract = True

    def __init__(self, **params: Any) -> None:
        if self.noun and not self._bundle.is_file():
            raise FileNotFoundError(
                f"static/dist/{self.noun}.js is missing: run `npm ci` in static/ and `node static/build.mjs`."
            )
        super().__init__(**params)
        self._arrived: deque[Any] = deque()
        self._turn = threading.RLock()
        self._serial = 0
        self._late: set[str] = set()

    @classproperty
    def _bundle(cls) -> Path | None:
        return DIST / f"{cls.noun}.js" if cls.noun else None

    @classproperty
    def _property_mapping(cls) -> dict[str, str | None]:
        return dict(_mapping(cls))

    @classmethod
    def _render_esm(cls, compiled: Any = True, server: bool = False) -> str:
        """The address of the built file, with its content hash: Panel and browsers cache by address."""
        esm = super()._render_esm(compiled, server)
        return f"{esm}?v={_fingerprint(cls._bundle)}" if server and cls._bundle else esm

    def _get_model(self, doc: Any, root: Any = None, parent: Any = None, comm: Any = None) -> Any:
        model = super()._get_model(doc, root, parent, comm)
        if doc and doc.session_context and state.curdoc is doc and not state._connected.get(doc):
            state.onload(lambda: self._send_late(doc, model))
        return model

    def _update_model(self, events: Any, msg: Any, root: Any, model: Any, doc: Any, comm: Any) -> None:
        # Panel drops changes made before the page has said that it is ready, for the page fetches the whole
        # document anyway; but those made after that fetch are lost. They are kept here and sent again.
        if doc and doc.session_context and not state._connected.get(doc):
            self._late |= set(msg)
        super()._update_model(events, msg, root, model, doc, comm)

    def _send_late(self, doc: Any, model: Any) -> None:
        for name in self._late:
            for target in (model.data, model):
                if name in target.properties():
                    value = getattr(target, name)
                    doc.callbacks.trigger_on_change(ModelChangedEvent(doc, target, name, value))
        self._late = set()

    def _server_event(self, doc: Any, event: Any) -> None:
        self._arrived.append(event)
        super()._server_event(doc, event)

    def _process_event(self, event: Any) -> None:
        # Panel's thread pool may start later events first: whoever comes takes the oldest one.
        with self._turn:
            super()._process_event(self._arrived.popleft() if self._arrived else event)

    def _handle_msg(self, data: Any) -> None:
        name = data.get("gesture") if isinstance(data, Mapping) else None
        if not isinstance(name, str):
            log.warning("%s: a message without a gesture was dropped", type(self).__name__)
            return
        try:
            self.received(name, data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            log.warning("%s: gesture %.40r was dropped: %s", type(self).__name__, name, error)

    def received(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take one gesture; a subclass overrides this for messages that are more than one parameter.

        Raises KeyError, TypeError or ValueError when the message does not fit; the caller drops it then.
        """
        gesture = self.param.objects(instance=False).get(name)
        if not isinstance(gesture, Gesture) or gesture.kind is None:
            raise KeyError(f"no gesture of that name in {type(self).__name__}")
        value = read_gesture(gesture.kind, self._serial + 1, fields)
        self._serial += 1
        self.param.update(**{name: value})


class PlacedWidget(JSWidget):
    """A view of a part of the sky that can be sent to a place. Its JavaScript goes to ``target`` when that changes,
    and again at the message "again".
    """

    __abstract = True

    target = param.Tuple(default=None, length=3, allow_None=True, doc="Where to go: ra, dec, fov; see `go`.")

    def go(self, ra: float, dec: float, fov: float = 0.0) -> None:
        """Show the place ``ra``, ``dec`` with a width of ``fov``, all in ICRS degrees; 0 keeps the width.

        Goes there again also when the user has moved away since.
        """
        if self.target == (ra, dec, fov):
            self._send_msg("again")  # an equal value would not travel
        else:
            self.target = (ra, dec, fov)


@lru_cache(maxsize=64)
def _hints(kind: type[tuple]) -> dict[str, Any]:
    return get_type_hints(kind)


def read_gesture(kind: type[tuple], n: int, fields: Mapping[str, Any]) -> tuple:
    """A value of the NamedTuple ``kind`` from untrusted ``fields``; ``n`` becomes its first field.

    Fields may be int, float, bool, str or ``tuple[one of these, ...]``. Raises KeyError for a missing field,
    TypeError for a wrong type, ValueError for one too large.
    """
    hints = _hints(kind)
    names = kind._fields
    values = [_read(hints[name], fields[name], name) for name in names[1:]]
    return kind(n, *values)


def _read(wanted: Any, value: Any, name: str) -> Any:
    if get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name} is not a list")
        if len(value) > MAX_ITEMS:
            raise ValueError(f"{name} has more than {MAX_ITEMS} members")
        member = get_args(wanted)[0]
        return tuple(_read(member, item, name) for item in value)
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted is int and isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if wanted is str and isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"{name} has more than {MAX_TEXT} characters")
        return value
    raise TypeError(f"{name} is not {wanted}")


@lru_cache(maxsize=64)
def _hash_of(path: Path, modified_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _fingerprint(path: Path) -> str:
    return _hash_of(path, path.stat().st_mtime_ns)
