"""Two results of a page joined into a third: by position, by id, of the rows shown only."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.jobs.joined import How, Side, chance_of, joined_of
from portal.session import Session
from portal.table.columns import Column, TableMeta
from portal.table.engine import Stop

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
META = TableMeta(
    (Column("objectId", "long"), Column("ra", "double", unit="deg"), Column("dec", "double", unit="deg")),
)


def batch(ids: list[int], moved: float) -> pa.RecordBatch:
    ra, dec = 62 + np.arange(len(ids)) * 0.01, np.full(len(ids), -37 + moved / 3600)
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(ra), pa.array(dec)], schema=META.to_schema())


@pytest.fixture
def session(runner, finished, post) -> Session:
    made = Session(runner, post=post)
    for title, ids, moved in (("here", IDS, 0.0), ("there", [IDS[0], IDS[2], IDS[1]], 0.3)):
        finished(made.make("upload", title, lambda _, ids=ids, moved=moved: (META, [batch(ids, moved)])))
    return made


def test_by_position_and_by_id(session, finished) -> None:
    runner, keys = session.runner, [tab.key for tab in session.tabs]
    first, second = Side(keys[0], "here"), Side(keys[1], "there")
    job = finished(session.make("join", "both", joined_of(runner, first, second, How(1.0), "matches")))
    assert job.phase == "COMPLETED", job.error
    table = session.table()
    cells = table.take(np.arange(3))
    assert cells["objectId_1"].to_pylist() == IDS and cells["objectId_2"].to_pylist() == [IDS[0], IDS[2], IDS[1]]
    assert cells["separation"].to_pylist() == pytest.approx([0.3] * 3, abs=1e-6)
    assert table.positions() == ("ra_1", "dec_1")

    shown = second._replace(where='"objectId" <> 1651281746966117378')
    how = How(keys=("objectId", "objectId"))
    job = finished(session.make("join", "left", joined_of(runner, first, shown, how, "first")))
    cells = session.table().take(np.arange(3))
    assert cells["objectId_1"].to_pylist() == IDS
    assert cells["objectId_2"].to_pylist() == [IDS[0], None, IDS[2]]
    assert chance_of(runner, first, second, How(1.0), Stop()).pairs == 3
    assert chance_of(runner, first, shown, How(1.0), Stop()).pairs == 2


def test_what_cannot_be_joined_says_why(session, finished) -> None:
    runner, keys = session.runner, [tab.key for tab in session.tabs]
    first, second = Side(keys[0], "here"), Side(keys[1], "there")
    for how, words in (
        (How(0.0), "radius"),
        (How(keys=("objectId", "no")), "no column no"),
        (How(keys=("ra", "ra")), "key"),
    ):
        job = finished(session.make("join", "wrong", joined_of(runner, first, second, how, "matches")))
        assert job.phase == "ERROR" and words in job.error.message
    with pytest.raises(QueryError, match="no rows"):
        chance_of(runner, first, Side("A" * 22, "gone"), How(), Stop())
