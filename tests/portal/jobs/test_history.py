"""The workspace on disk."""

from __future__ import annotations

import time

from portal.jobs.history import History, Stored


def line(key: str, workspace: str, **more) -> Stored:
    values = {
        "kind": "tap", "title": "Query", "service": "", "adql": "SELECT 1", "maxrec": 1, "url": "",
        "phase": "COMPLETED", "error": "", "rows": 1, "overflow": 0, "started": time.time(), "ended": 0.0, "closed": 0,
    } | more  # fmt: skip
    return Stored(key=key, workspace=workspace, **values)


def test_state_survives_the_process(tmp_path) -> None:
    first = History(tmp_path)
    key = first.new_workspace()
    first.save(key, {"query": "SELECT 1651281746966117377", "looks": {}})
    second = History(tmp_path)  # the first was never closed, as after kill -9
    assert second.load(key)["query"] == "SELECT 1651281746966117377"


def test_workspaces_do_not_see_each_other(tmp_path) -> None:
    history = History(tmp_path)
    a, b = history.new_workspace(), history.new_workspace()
    history.put(line("r" * 22, a))
    assert [item.key for item in history.results(a)] == ["r" * 22]
    assert history.results(b) == [] and history.queries(b) == []
    assert a != b and len(a) >= 22


def test_unknown_and_hostile_names(tmp_path) -> None:
    history = History(tmp_path)
    for name in ("", "x", "../../etc/passwd", "a' OR 1=1 --", "x" * 500):
        assert history.load(name) is None
    try:
        history.result_folder("../../../tmp/x")
    except ValueError:
        pass
    else:
        raise AssertionError("a path outside was given")


def test_closed_results_stay_in_the_history(tmp_path) -> None:
    history = History(tmp_path)
    key = history.new_workspace()
    history.put(line("r" * 22, key))
    history.close_result("r" * 22)
    assert history.results(key) == []
    assert [adql for adql, _, _ in history.queries(key)] == ["SELECT 1"]


def test_the_sweep_takes_what_is_old(tmp_path) -> None:
    history = History(tmp_path)
    old, new = history.new_workspace(), history.new_workspace()
    history.put(line("o" * 22, old))
    history.result_folder("o" * 22).mkdir()
    history._do("UPDATE workspaces SET used = used - 15 * 86400 WHERE id = ?", (old,))
    assert history.sweep(14) == 1
    assert history.load(old) is None and history.load(new) is not None
    assert not history.result_folder("o" * 22).exists()
