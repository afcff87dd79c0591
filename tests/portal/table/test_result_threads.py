"""Many threads on one result: the same answers as one thread, also while rows arrive."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from portal.errors import CancelledError
from portal.table.engine import Stop
from portal.table.kept import Kept
from portal.table.result import ResultTable, RowView

VIEWS = [
    RowView((("mag", True),)),
    RowView((("flux", False), ("band", True)), '"tract" <> 2'),
    RowView((("name", False),), '"mag" > 21'),
    RowView((), "\"band\" IN ('r', 'i')"),
    RowView((("objectId", False),)),
]


def questions(result: ResultTable) -> list:
    """One of everything a page may ask."""
    asked = [lambda view=view: result.page(view, 40, 30)[0].tolist() for view in VIEWS]
    asked += [lambda view=view: result.rows(view).tolist() for view in VIEWS]
    asked += [lambda view=view: result.count(view) for view in VIEWS]
    asked += [lambda view=view: result.place(view, 77) for view in VIEWS]
    asked += [lambda at=at: result.where(f'"visits" = {at}').tolist() for at in range(20)]
    asked += [lambda at=at: np.nansum(result.numbers([f'"mag" * {at}e0'])[0]) for at in range(20)]
    asked += [lambda: result.distinct("band"), lambda: result.take(np.arange(50)).to_pylist()]
    return asked


def test_eight_threads_get_what_one_gets(tmp_path, objects):
    meta, table = objects
    one = ResultTable.from_arrow(tmp_path / "one", meta, table)
    alone = [ask() for ask in questions(one)]
    for turn in range(3):
        many = ResultTable.from_arrow(tmp_path / f"many{turn}", meta, table)
        with ThreadPoolExecutor(8) as pool:
            together = [job.result() for job in [pool.submit(ask) for ask in questions(many)]]
        assert together == alone
        many.delete()


def test_readers_see_whole_moments_while_another_thread_appends(tmp_path, table_of):
    meta, table = table_of(20_000)
    result = ResultTable.create(tmp_path / "r", meta)
    done, wrong = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            before = result.n_rows
            rows = result.rows(RowView((("mag", False),)))
            cells = result.take(rows[-5:].astype(np.int64), ["objectId"])["objectId"].to_pylist()
            mag = result.numbers(['"mag"'])[0]
            truth = table["objectId"].take(rows[-5:].astype(np.int64)).to_pylist()
            if len(rows) < before or len(mag) < len(rows) or cells != truth or len(set(rows.tolist())) != len(rows):
                wrong.append((before, len(rows), len(mag)))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for batch in table.to_batches(max_chunksize=400):
        result.append(batch)
    result.finish(meta)
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong and result.n_rows == 20_000


def test_what_many_ask_for_is_built_once():
    kept, built, gate = Kept(1 << 20), [], threading.Event()

    def build() -> np.ndarray:
        gate.wait(5)
        built.append(1)
        return np.arange(10)

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(kept.make, "key", build) for _ in range(8)]
        gate.set()
        arrays = [job.result() for job in jobs]
    assert len(built) == 1 and all(array is arrays[0] for array in arrays)


def test_when_the_builder_is_stopped_another_one_builds():
    kept, started, stop = Kept(1 << 20), threading.Event(), threading.Event()

    def stopped() -> np.ndarray:
        started.set()
        stop.wait(5)
        raise CancelledError("Stopped.")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept.make, "key", stopped)
        started.wait(5)
        second = pool.submit(kept.make, "key", lambda: np.arange(3))
        stop.set()
        with pytest.raises(CancelledError):
            first.result()
        assert second.result().tolist() == [0, 1, 2]


def test_an_error_reaches_all_and_is_not_kept():
    kept = Kept(1 << 20)

    def fail() -> np.ndarray:
        raise ValueError("no")

    with pytest.raises(ValueError):
        kept.make("key", fail)
    assert kept.make("key", lambda: np.arange(2)).tolist() == [0, 1]


def test_one_users_stop_does_not_stop_another(tmp_path, objects):
    result = ResultTable.from_arrow(tmp_path / "r", *objects)
    stop = Stop()
    stop.set()
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(result.rows, VIEWS[0], stop if at % 2 else None) for at in range(8)]
    for at, job in enumerate(jobs):
        if at % 2:
            assert isinstance(job.exception(), CancelledError)
        else:
            assert len(job.result()) == 3000


def test_results_do_not_see_each_other(tmp_path, table_of):
    results = [ResultTable.from_arrow(tmp_path / str(at), *table_of(1000 + 100 * at)) for at in range(8)]

    def ask(at: int, turn: int) -> tuple[int, int]:
        return len(results[at].where(f'"mag" > -{turn}e0 OR "mag" IS NULL')), len(results[at].rows(VIEWS[turn % 2]))

    alone = [[ask(at, turn) for turn in range(6)] for at in range(8)]
    for result in results:
        result._forget()
    with ThreadPoolExecutor(8) as pool:
        jobs = [[pool.submit(ask, at, turn) for turn in range(6)] for at in range(8)]
        assert [[job.result() for job in line] for line in jobs] == alone
    assert [line[0][0] for line in alone] == [1000 + 100 * at for at in range(8)]
