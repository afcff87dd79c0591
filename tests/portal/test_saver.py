"""The state of a page is written, also after it once could not be."""

from __future__ import annotations

import pytest

from portal.saver import Saver


class History:
    def __init__(self) -> None:
        self.full, self.kept = True, []

    def save(self, workspace: str, state: dict) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.kept.append((workspace, state))


def test_a_full_disk_costs_one_state_not_all_after_it(caplog: pytest.LogCaptureFixture) -> None:
    history = History()
    saver = Saver(history, "w", lambda work: work())
    saver.save({"query": "a"})
    assert "could not be written" in caplog.text and not saver.busy
    history.full = False
    saver.save({"query": "b"})
    assert history.kept == [("w", {"query": "b"})]
