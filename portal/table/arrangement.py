"""How the columns of one result are laid out: their order, which are hidden, which stay at the left, how wide.

Plain values by column name. Names that the result does not have are passed over, columns not named come last and
are shown: so it fits a result that grows a derived column, or a query run again with other columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

NARROW, WIDE = 24, 2000  # pixels: what a divider can be dragged to
SKY_FORMS = ("", "hms")  # positions in degrees, or in hours, minutes and seconds
NAMES_LIMIT = 20_000  # names read from a saved state


class Arrangement(NamedTuple):
    """``order``: names in the user's order, empty for the result's own. ``hidden``, ``frozen``: names, frozen ones
    stand first in this order. ``widths``: (name, pixels). ``sky``: one of SKY_FORMS."""

    order: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    widths: tuple[tuple[str, int], ...] = ()
    sky: str = ""

    # -- reading -------------------------------------------------------------------------------------------------
    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """All names, frozen ones first, then in the user's order; hidden ones too."""
        known = dict.fromkeys(names)
        first = [name for name in self.frozen if name in known]
        return tuple(dict.fromkeys([*first, *(name for name in self.order if name in known), *known]))

    def shown(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names to show, in order. Never empty: if all are hidden, the first stays."""
        ordered = self.ordered(names)
        hidden = set(self.hidden)
        return tuple(name for name in ordered if name not in hidden) or ordered[:1]

    def n_frozen(self, names: Iterable[str]) -> int:
        """How many of the shown columns, the first ones, stay at the left; at most all but one."""
        shown = self.shown(names)
        frozen = set(self.frozen)
        return min(sum(name in frozen for name in shown), max(len(shown) - 1, 0))

    # -- changing ------------------------------------------------------------------------------------------------
    def move(self, names: Sequence[str], name: str, before: str = "") -> Arrangement:
        """``name`` placed before another column, or last. A column put among the frozen ones is frozen, one taken
        from among them no longer. Nothing changes for names the result does not have."""
        if name == before or name not in names or (before and before not in names):
            return self
        ordered = [item for item in self.ordered(names) if item != name]
        ordered.insert(ordered.index(before) if before else len(ordered), name)
        rest = tuple(item for item in self.frozen if item != name)
        at = rest.index(before) if before in rest else -1
        frozen = (*rest[:at], name, *rest[at:]) if at >= 0 else rest
        return self._replace(order=tuple(ordered), frozen=frozen)

    def show(self, names: Iterable[str], on: bool) -> Arrangement:
        """Columns shown (``on``) or hidden."""
        names = tuple(dict.fromkeys(names))
        rest = tuple(item for item in self.hidden if item not in set(names))
        return self._replace(hidden=rest if on else (*rest, *names))

    def freeze(self, name: str, on: bool) -> Arrangement:
        """A column kept at the left while the others scroll, or let go. A frozen column is shown."""
        rest = tuple(item for item in self.frozen if item != name)
        if not on:
            return self._replace(frozen=rest)
        return self.show([name], True)._replace(frozen=(*rest, name))

    def widen(self, name: str, width: int) -> Arrangement:
        """A column's width in pixels; 0 lets it fit its content again."""
        rest = tuple(item for item in self.widths if item[0] != name)
        return self._replace(widths=(*rest, (name, min(max(width, NARROW), WIDE))) if width > 0 else rest)

    def act(
        self, names: Sequence[str], verb: str, columns: Sequence[str], text: str = "", width: int = 0
    ) -> Arrangement:
        """What a hand asked for: move (before ``text``), show, hide, only, freeze, unfreeze, widen, sky, reset.

        Columns that the result does not have are passed over; an unknown verb changes nothing.
        """
        known = set(names)
        columns = [name for name in columns if name in known]
        if verb == "move":
            made = self
            for name in columns:
                made = made.move(names, name, text)
            return made
        if verb in ("show", "hide"):
            return self.show(columns, verb == "show")
        if verb == "only":
            return self._replace(hidden=tuple(name for name in names if name not in set(columns)))
        if verb in ("freeze", "unfreeze"):
            made = self
            for name in columns:
                made = made.freeze(name, verb == "freeze")
            return made
        if verb == "widen":
            return self.widen(columns[0], width) if columns else self
        if verb == "sky" and text in SKY_FORMS:
            return self._replace(sky=text)
        return Arrangement() if verb == "reset" else self

    # -- kept ----------------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Only what is not as in the beginning: most results are never rearranged."""
        return {name: value for name, value in self._asdict().items() if value}

    @classmethod
    def from_json(cls, doc: Any) -> Arrangement:
        """The inverse of ``to_json``; what does not fit is left at its default."""
        if not isinstance(doc, dict):
            return cls()

        def listed(key: str) -> list[Any]:
            items = doc.get(key)
            return items[:NAMES_LIMIT] if isinstance(items, list | tuple) else []

        def names(key: str) -> tuple[str, ...]:
            return tuple(item for item in listed(key) if isinstance(item, str))

        pairs = [item for item in listed("widths") if isinstance(item, list | tuple) and len(item) == 2]
        made = cls(names("order"), names("hidden"), names("frozen"))
        for name, width in pairs:
            if isinstance(name, str) and isinstance(width, int):
                made = made.widen(name, width)
        return made._replace(sky=doc["sky"]) if doc.get("sky") in SKY_FORMS else made
