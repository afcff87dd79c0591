"""The type of a column of text, from every one of its cells."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.foreign.dialect import EMPTY

NOTHING = pa.array(sorted(EMPTY - {"nan"}))
LOGICAL = pa.array(["true", "false", "t", "f"])
WHOLE = r"^[+-]?[0-9]+$"
DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?$"
SPECIAL = pa.array(["inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"])
TRIED = 64
LONG = 10**15
LONG_NUMBER = r"^[+-]?[0-9]{16,}$"  # a double holds any whole number of 15 digits, not of 16
LEADING_ZERO = r"^[+-]?0[0-9]"


def cast(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts as numbers; ArrowInvalid when one is none. Arrow goes on to the last cell after a bad one, and each costs
    as much as fifty good ones: the first are tried alone."""
    pc.cast(texts.slice(0, TRIED), kind)
    return pc.cast(texts, kind)


class Guess:
    """What has been seen in a column so far. ``look`` at every batch, then ask ``datatype``."""

    def __init__(self) -> None:
        self._text = self._logical = self._whole = self._decimal = self._nan = False
        self._long = self._huge = self._zero = False

    def look(self, texts: pa.Array) -> None:
        """Note what the cells (strings, null where nothing stands) can be read as."""
        if self._text or texts.null_count == len(texts):
            return
        if self._short_way(texts):
            return
        texts = pc.utf8_trim_whitespace(texts.drop_null())
        self._look_closely(texts)

    def _short_way(self, texts: pa.Array) -> bool:
        """Whether the cells are plain whole numbers, or plain decimals none of which is NaN or a long whole number.

        Texts are not looked at one by one for that: it takes a tenth of the time.
        """
        try:
            ends = pc.min_max(cast(texts, pa.int64())).as_py()
        except pa.ArrowInvalid:
            pass
        else:
            self._whole = True
            self._long = self._long or max(abs(ends["min"]), abs(ends["max"])) >= LONG
            if not self._zero:
                padded = pc.and_(pc.starts_with(texts, "0"), pc.greater(pc.binary_length(texts), 1))
                self._zero = pc.any(padded).as_py()
            return True
        try:
            values = cast(texts, pa.float64())
        except pa.ArrowInvalid:
            return False
        if (pc.max(pc.abs(values)).as_py() or 0.0) >= LONG or pc.any(pc.is_nan(values)).as_py():
            return False
        self._decimal = True
        return True

    def _look_closely(self, texts: pa.Array) -> None:
        lower = pc.utf8_lower(texts)
        kinds = {
            "_nothing": pc.is_in(lower, value_set=NOTHING),
            "_nan": pc.equal(lower, "nan"),
            "_whole": pc.match_substring_regex(texts, WHOLE),
            "_decimal": pc.or_(pc.match_substring_regex(texts, DECIMAL), pc.is_in(lower, value_set=SPECIAL)),
            "_logical": pc.is_in(lower, value_set=LOGICAL),
        }
        whole = texts.filter(kinds["_whole"])
        kinds["_decimal"] = pc.and_not(kinds["_decimal"], kinds["_whole"])
        known = pa.array([False] * len(texts))
        for name, mask in kinds.items():
            known = pc.or_(known, mask)
            if name != "_nothing" and pc.any(mask).as_py():
                setattr(self, name, True)
        if not pc.all(known).as_py():
            self._text = True
            return
        if len(whole):
            self._long = self._long or pc.any(pc.match_substring_regex(whole, LONG_NUMBER)).as_py()
            self._zero = self._zero or pc.any(pc.match_substring_regex(whole, LEADING_ZERO)).as_py()
            try:
                pc.cast(pc.utf8_ltrim(whole, "+"), pa.int64())
            except pa.ArrowInvalid:
                self._huge = True

    @property
    def datatype(self) -> str:
        """boolean, long, double or char."""
        numbers = self._whole or self._decimal or self._nan
        if self._text or self.why or (self._logical and numbers):
            return "char"
        if self._logical:
            return "boolean"
        if self._whole and not self._decimal:
            return "long"
        return "double" if numbers else "char"

    @property
    def why(self) -> str:
        """The reason that what looks like numbers is kept as text, else ""."""
        if self._text or self._logical:
            return ""
        if self._decimal and self._long:
            return "it has decimals and also whole numbers of more than 15 digits, which a double would change"
        if self._huge and self._whole:
            return "it has whole numbers over 2^63"
        if self._zero and self._whole and not self._decimal:
            return "its numbers begin with zeros"
        return ""
