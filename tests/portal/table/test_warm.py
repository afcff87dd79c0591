"""Warming up leaves nothing behind."""

import tempfile
from pathlib import Path

from portal.table.warm import warm


def test_warming_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    warm()
    assert not [item for item in Path(tmp_path).iterdir() if "warm" in item.name]
