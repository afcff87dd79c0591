"""One page: its views put together, and what belongs to the page as a whole."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from portal.jobs.job import ENDED
from portal.permalink import Link
from portal.session import FACES, LAYOUTS, Session
from portal.vo.hips import Surveys
from portal.vo.hipstiles import Relay
from portal.vo.mocs import MocList
from portal.vo.resolve import Resolver
from portal.vo.schema import SchemaBook
from portal.vo.soda import Cutouts
from widgets.layout import Layout

from .base import View
from .chart import Chart
from .coverage import Coverage
from .drawer import PANELS, Drawer, Panel
from .feeds import Feeds
from .footprints import Footprints
from .goto import Goto
from .image import Image
from .intake import Intakes
from .lightcurve import Curve
from .measures import Measures
from .mocs import Mocs
from .picture import Picture
from .place import Place
from .results import Results
from .search import Search
from .surveys import SurveyChoice
from .table import Table
from .upload import Upload


@dataclass(frozen=True)
class Desk:
    """What all pages of a server share; none of it is a Parameterized, so no page is kept alive by it."""

    feeds: Feeds
    intakes: Intakes
    book: SchemaBook
    cutouts: Cutouts
    surveys: Surveys
    mocs: MocList
    resolver: Resolver
    relay: Relay
    tiles: Executor
    examples: list[dict[str, str]]


class Page(View):
    """All views of one session in their frame."""

    def __init__(self, session: Session, desk: Desk) -> None:
        super().__init__(session, desk.feeds)
        feeds = desk.feeds
        self.search = Search(session, feeds, desk.book, desk.examples)
        self.results = Results(session, feeds)
        self.table = Table(session, feeds, desk.cutouts)
        self.coverage = Coverage(session, feeds)
        self.footprints = Footprints(session, feeds, self.coverage.sky)
        self.mocs = Mocs(session, feeds, self.coverage.sky, desk.mocs, desk.intakes)
        self.surveys = SurveyChoice(session, feeds, self.coverage.sky, desk.surveys)
        self.goto = Goto(session, feeds, self.coverage.sky, desk.resolver)
        self.picture = Picture(
            session, feeds, self.coverage.sky, desk.relay, desk.tiles, self.coverage.layers, self.footprints.loops
        )
        self.chart = Chart(session, feeds)
        self.curve = Curve(session, feeds)
        self.image = Image(session, feeds, desk.cutouts)
        self.place = Place(session, feeds, self.coverage.sky, self.image.image, desk.cutouts)
        self.measures = Measures(session, feeds, self.image.image, self.image.loads.frames)
        upload = Panel("Upload", lambda *of: Upload(*of, desk.intakes, desk.book, desk.cutouts.files), "dialog")
        self.drawer = Drawer(session, feeds, {**PANELS, "upload": upload})
        self.views: list[View] = [
            self.search, self.results, self.table, self.coverage, self.footprints, self.mocs, self.surveys, self.chart,
            self.curve, self.image, self.place, self.measures, self.drawer, self.goto,
            self.picture,
        ]  # fmt: skip
        settings = session.settings
        self.layout = Layout(
            jobs=self.results.jobs,
            schema=self.search.schema,
            editor=self.search.editor,
            run=self.search.line,
            examples=self.search.examples,
            results=self.results.line,
            sky=self.coverage.sky,
            axes=self.chart.axes,
            chart=self.chart.scatter,
            table=self.table.grid,
            curvebar=self.curve.bar,
            curve=self.curve.panel,
            frames=self.image.bar,
            image=self.image.image,
            side=self.drawer.side,
            dialog=self.drawer.dialog,
            fresh=session.fresh,
            service="Embedded archive · simulated sky" if settings.embedded else settings.service_url,
            sizing_mode="stretch_both",
        )
        self.take(
            self.layout,
            toggled=lambda gesture: session.toggle(gesture.part),
            themed=lambda gesture: session.param.update(theme="dark" if gesture.theme == "dark" else "light"),
            arranged=lambda gesture: session.show(gesture.layout) if gesture.layout in LAYOUTS else None,
            turned=lambda gesture: session.turn(gesture.face) if gesture.face in FACES else None,
            targeted=lambda gesture: self.goto.go(gesture.text),
            uploading=lambda _: session.open_panel("upload"),
            dismissed=lambda _: session.close_panel(),
        )
        # After the drawer, which has made what the frame is to show.
        self.listen(self._show, "layout", "search", "detail", "face", "linked", "theme", "jobs", "trouble", "panel")
        self._show()

    def _show(self) -> None:
        session = self.session
        self.layout.param.update(
            layout=session.layout,
            search=session.search,
            detail=session.detail,
            face=session.face,
            linked=session.linked,
            theme=session.theme,
            running=sum(row.phase not in ENDED for row in session.jobs),
            trouble=" ".join(session.trouble),
            side_title=self.drawer.titles["side"],
            dialog_title=self.drawer.titles["dialog"],
        )

    def start(self) -> None:
        """The browser has the page. Charts are drawn from here on: what Bokeh figures get earlier can be lost."""
        self.chart.update()
        self.curve.update()

    def follow_link(self, link: Link) -> None:
        """Do what the page's address asks for."""
        if link.problem:
            self.session.trouble = (link.problem,)
        if link.ra is not None and link.dec is not None:
            self.coverage.go(link.ra, link.dec, link.fov or 0.1)
        if link.survey:
            self.surveys.open(link.survey)
        if link.adql:
            self.session.query = link.adql
        if link.execute:
            self.session.submit(link.adql)

    def end(self) -> None:
        """The page has closed: give everything back."""
        super().end()
        for view in self.views:
            view.end()
        self.session.end()
