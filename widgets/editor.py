"""The ADQL editor: text, marks under problems, words to complete, and the wish to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import param

from widgets.base import MAX_TEXT, JSWidget


class Editor(JSWidget):
    """CodeMirror 6 with the words of ADQL.

    Typing reaches ``value`` 150 ms after the last key, at once on leaving the editor, and together with
    Ctrl+Enter, so that ``value`` is what the user saw when ``asked`` grows.
    """

    noun = "editor"

    value = param.String(default="", doc="The query; both ways.")
    problems = param.List(
        default=[],
        item_type=dict,
        doc="Marks: {line, column, length, message, severity}; line and column count from 1, 0 is unknown; "
        "severity is error, warning or info.",
    )
    vocabulary = param.Dict(
        default={},
        doc='Words to complete: {"tables": {"dp1.Object": [column, ...]}, "functions": [function, ...]}; a '
        "column or function is its name or {name, detail, description}.",
    )
    placeholder = param.String(default="SELECT …", doc="Grey text of an empty editor.")
    label = param.String(default="ADQL query", doc="What screen readers call the editor.")
    asked = param.Integer(default=0, doc="Grows by one each time the user presses Ctrl+Enter.")

    _rename = {"asked": None}

    def insert_text(self, text: str) -> None:
        """Put ``text`` at the caret or in place of what is selected; the browser then reports the new value.

        Names picked one after the other do not run together: a comma parts them in a list, else a blank.
        """
        if self._models:
            self._send_msg({"insert": text})
        else:
            self.value += text

    def received(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take ``ask``: the text as it stands, then the wish to run it."""
        if name != "ask":
            super().received(name, fields)
            return
        text = fields["text"]
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ValueError("the query is not a text of reasonable length")
        self.value = text
        self.asked += 1
