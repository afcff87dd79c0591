"""A field cut into tiles is the same field: same rows in any order of work, alone or whole, after any end."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portal.archive.sample import build, presets, stored, workers
from portal.archive.sample.onebuilder import alone
from portal.archive.sample.presets import LSSTCAM, Field, Preset
from portal.errors import LimitError, TriviewError

SEED = 7
KEYS = {
    "Object": "objectId", "Source": "sourceId", "DiaObject": "diaObjectId", "DiaSource": "diaSourceId",
    "ForcedSource": "forcedSourceKey", "_render": "id", "Truth": "id", "_light": "tid",
}  # fmt: skip
# A border between pixels of order 7 runs through this field.
MINE = Field("main", 0, 62.0, -37.0, 0.06, 12)
Usage = namedtuple("Usage", "total used free")


def make(root: Path, order: int, monkeypatch: pytest.MonkeyPatch, processes: int = 1) -> Path:
    field = presets.replace(MINE, tile_order=order)
    monkeypatch.setitem(presets.PRESETS, "tiled", Preset("tiled", (field,)))
    return build.build_sample("tiled", SEED, root, None, processes)


def rows(sample: Path, name: str) -> pa.Table:
    """A table in an order of its own rows."""
    table = stored.read(sample, name)
    keys = [KEYS[name]] if KEYS[name] in table.column_names else ["objectId", "visit"]
    return table.sort_by([(key, "ascending") for key in keys])


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The field in its tiles, made one after the other in this process."""
    with pytest.MonkeyPatch.context() as patch:
        yield make(tmp_path_factory.mktemp("tiled"), 7, patch)


def contents(sample: Path, name: str) -> list[bytes]:
    return [file.read_bytes() for file in stored.files(sample, name)]


def test_tiles_give_the_rows_of_the_whole_field(tiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make(tmp_path, 5, monkeypatch)
    tables = stored.manifest(tiled)["tables"]
    assert len(tables["Object"]["files"]) > 1
    for name in KEYS:
        assert rows(tiled, name).equals(rows(whole, name)), name


def test_the_order_of_work_does_not_matter(tiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make(tmp_path, 7, monkeypatch, processes=2)
    assert stored.manifest(other) == stored.manifest(tiled)
    for name in stored.manifest(tiled)["tables"]:
        assert contents(other, name) == contents(tiled, name)


def test_a_tile_of_the_wide_preset_is_made_alone() -> None:
    field = presets.PRESETS["large"].fields[0]
    tiles = field.tiles()
    assert field.camera == LSSTCAM and len(tiles) > 20 and not any(tile.alone for tile in tiles)
    ra, dec = np.random.default_rng(1).uniform([56, -41.5], [68, -32.5], (4000, 2)).T
    inside = np.stack([tile.holds(ra, dec) for tile in tiles])
    assert (inside.sum(axis=0) == field.holds(ra, dec)).all()
    skirt = tiles[7].wider(60.0).holds(ra, dec)
    assert (skirt >= inside[7]).all()


BUILDER = """
import sys
from pathlib import Path
from portal.archive.sample import build, presets
field = presets.Field("main", 0, 62.0, -37.0, 0.06, 12, tile_order=7)
presets.PRESETS["tiled"] = presets.Preset("tiled", (field,))
build.build_sample("tiled", 7, Path(sys.argv[1]), lambda what, part: print(what, part, flush=True))
"""


def started(root: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(workers.ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(root)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_a_killed_build_goes_on_with_the_tiles_it_finished(
    tiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started(tmp_path)
    assert process.stdout is not None
    begun = 0
    for line in process.stdout:
        begun += line.startswith("objects")
        if begun == 2:  # in the second tile
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (aside,) = (p for p in tmp_path.iterdir() if p.is_dir())
    assert aside.name.startswith(".") and aside.name.endswith(".building")
    done = sorted(p.stem for p in (aside / "done").iterdir())
    assert len(done) == 1
    made: list[str] = []
    make_tile = workers.make_tile
    monkeypatch.setattr(workers, "make_tile", lambda *of: made.append(of[1].pixel) or make_tile(*of))
    again = make(tmp_path, 7, monkeypatch)
    assert not any(done[0].endswith(f"-{pixel}") for pixel in made) and made
    assert [p.name for p in tmp_path.iterdir()] == [again.name]
    assert json.dumps(stored.manifest(tiled)) == json.dumps(stored.manifest(again))
    for name in stored.manifest(tiled)["tables"]:
        assert contents(again, name) == contents(tiled, name)


def test_a_killed_child_is_told_and_what_was_finished_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = workers._start

    def doomed() -> subprocess.Popen[bytes]:
        process = start()
        process.kill()
        return process

    monkeypatch.setattr(workers, "_start", doomed)
    with pytest.raises(workers.BuilderDied, match=r"ended early \(code -9\).*start again to go on"):
        make(tmp_path, 7, monkeypatch, processes=2)
    assert [p.name.endswith(".building") for p in tmp_path.iterdir()] == [True]


def test_a_child_whose_parent_is_gone_stops(tmp_path: Path) -> None:
    process = workers._start()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(workers.pickle.dumps((SEED, MINE.tiles()[0], tmp_path)))
    process.stdin.close()
    process.stdout.read()
    assert process.wait() == 1
    process.stdout.close()


def test_no_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(LimitError, match=r"'large': it takes about \d\.?\d? GB and .* has 0\.001 GB left"):
        build.build_sample("large", SEED, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("portal.archive.sample.tiles.write_table", full)
    with pytest.raises(LimitError, match="no room for the sample sky 'tiled'"):
        make(tmp_path, 7, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TriviewError, match=r"cannot be written in .*file"):
        build.build_sample("tiny", SEED, tmp_path / "file")


def test_the_second_server_waits_for_the_first_and_uses_its_sky(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started(tmp_path)
    assert first.stdout is not None
    first.stdout.readline()  # it has the lock
    reader = threading.Thread(target=first.stdout.read)
    reader.start()
    monkeypatch.setattr(workers, "make_tile", None)  # the second makes nothing
    told: list[tuple[str, float]] = []
    monkeypatch.setitem(presets.PRESETS, "tiled", Preset("tiled", (presets.replace(MINE, tile_order=7),)))
    folder = build.build_sample("tiled", SEED, tmp_path, lambda what, part: told.append((what, part)))
    assert first.wait() == 0
    reader.join()
    first.stdout.close()
    assert build.is_whole(folder) and [p.name for p in tmp_path.iterdir()] == [folder.name]
    assert told[-1] == ("ready", 1.0) and len({what for what, _ in told}) > 1


def test_a_lock_is_taken_by_one_and_leaves_no_file(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "a.lock", [], []

    def hold() -> None:
        with alone(lock, tmp_path / "none", lambda *_: None):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1] and list(tmp_path.iterdir()) == []
