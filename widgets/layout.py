"""The page's frame: header, search part, results, panes whose dividers drag. Holds the views, knows none of them."""

from __future__ import annotations

from typing import NamedTuple

import param
from panel.custom import Child

from .base import Gesture, JSWidget


class Toggled(NamedTuple):
    n: int
    part: str


class Themed(NamedTuple):
    n: int
    theme: str


class Arranged(NamedTuple):
    n: int
    layout: str


class Turned(NamedTuple):
    n: int
    face: str


class Targeted(NamedTuple):
    n: int
    text: str


class Dismissed(NamedTuple):
    n: int


class Uploading(NamedTuple):
    n: int


class Layout(JSWidget):
    """The frame. ``layout`` names the panes shown; ``search`` and ``detail`` tell whether those parts are open.

    The sky pane has two faces. The one image viewer stands beside the light curve, and in the sky pane when ``face``
    is "image".
    """

    noun = "layout"

    jobs = Child()
    schema = Child()
    editor = Child()
    run = Child()
    examples = Child()
    results = Child()
    sky = Child()
    axes = Child()
    chart = Child()
    table = Child()
    curvebar = Child()
    curve = Child()
    frames = Child()
    image = Child()
    side = Child()
    dialog = Child()

    layout = param.String("tri")
    search = param.Boolean(True)
    detail = param.Boolean(False)
    face = param.String("sky", doc="what the sky pane shows: sky or image")
    linked = param.Boolean(True, doc="whether sky and images share centre and field")
    theme = param.String("light")
    fresh = param.Boolean(False, doc="a page opened for the first time: the browser's own theme is asked")
    running = param.Integer(0, doc="jobs under way")
    service = param.String("", doc="the service in use, in words")
    trouble = param.String("", doc="a message for the whole page, or empty")
    side_title = param.String("", doc="title of the panel beside the views; empty when none is open")
    dialog_title = param.String("", doc="title of the panel over the page; empty when none is open")

    toggled = Gesture(Toggled)
    themed = Gesture(Themed)
    arranged = Gesture(Arranged)
    turned = Gesture(Turned, doc="a face of the sky pane was chosen")
    targeted = Gesture(Targeted)
    uploading = Gesture(Uploading, doc="the upload panel was asked for, or a file fell on the page")
    dismissed = Gesture(Dismissed, doc="the open panel was closed")
