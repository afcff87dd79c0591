"""The cutout viewer: one object's images in their bands, with values and positions under the pointer."""

from __future__ import annotations

from typing import Any

import param

from widgets.base import JSWidget


class Cutout(JSWidget):
    """Draws what ``portal.sky.cutout.cutout_payload`` made; ``url`` serves these bytes, an empty one clears.

    An answer with a status of 400 or more is shown as an error with the text of the answer.
    """

    noun = "image"

    url = param.String(default="", doc="Where the cutout comes from.")
    message = param.String(default="", doc="What is missing or wrong, shown over the image.")
    failed = param.Boolean(default=False, doc="Whether `message` tells of an error.")
    busy = param.Boolean(default=False, doc="Whether an image is being fetched.")
    band = param.String(default="", doc="Band shown, or the three of a colour picture; empty for colour.")
    stretch = param.Selector(default="asinh", objects=["asinh", "linear", "log"], doc="How values become grey.")
    invert = param.Boolean(default=False, doc="Black on white.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"css_classes": ["tv-image"], **params})
