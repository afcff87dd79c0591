"""The process that reads one foreign file: ``python -m portal.table.foreign.worker REQUEST`` (JSON).

Writes frames to stdout: a letter, eight bytes of length, and K (kind, JSON), S (Arrow schema), B (record batch),
P (progress, JSON), N (notes, JSON), E (error, JSON) or F (end, JSON notes). Limits hold from its first line on.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any


class _WithoutPandas:
    """pyarrow loads pandas to see whether a list is one of its arrays; that takes longer than most files do.

    Loading it fails; asking whether it is there (astropy does) does not.
    """

    @classmethod
    def find_spec(cls, name: str, *_: object) -> ModuleSpec | None:
        return ModuleSpec(name, cls) if name == "pandas" else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        raise ImportError(spec.name)

    @staticmethod
    def exec_module(module: object) -> None:
        """Never reached; the import system wants it."""


sys.meta_path.insert(0, _WithoutPandas)

import pyarrow as pa  # noqa: E402

from portal.errors import LimitError, TriviewError  # noqa: E402
from portal.table.columns import TableMeta  # noqa: E402
from portal.table.foreign.kinds import Limits, Options  # noqa: E402
from portal.table.foreign.recognise import expanded, format_of, kind_of, reader_of  # noqa: E402
from portal.table.foreign.told import Told  # noqa: E402
from portal.table.names import with_unique_names  # noqa: E402

FRAME = struct.Struct(">cQ")
FILE_BYTES = 32 << 30  # of one file written aside


def _limit(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 1 << 18
    memory = pages * resource.getpagesize() + limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


class _Frames:
    """What leaves the process."""

    def __init__(self) -> None:
        # Whatever a library prints must not stand between frames.
        self._out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
        os.dup2(2, 1)

    def send(self, letter: bytes, data: bytes | pa.Buffer) -> None:
        self._out.write(FRAME.pack(letter, len(data)))
        self._out.write(data)
        self._out.flush()

    def say(self, letter: bytes, value: Any) -> None:
        self.send(letter, json.dumps(value).encode())


def _work(asked: dict, frames: _Frames) -> None:
    options = Options(**{**asked["options"], "types": tuple(map(tuple, asked["options"]["types"]))})
    limits = Limits(*asked["limits"])
    given, packed = expanded(Path(asked["path"]), asked["name"], Path(asked["aside"]), limits)
    if asked["do"] == "sniff":
        frames.say(b"K", kind_of(given, options, packed))
        return
    name = format_of(given, options)
    told = Told(asked["rows"])
    meta, size, rows = None, 0, 0
    for batch in reader_of(name).read(given, options, told):
        if meta is None:
            meta = with_unique_names(told.meta)
            frames.send(b"S", meta.to_schema().serialize())
        if told.first:
            batch = batch.slice(0, told.first - rows)
        rows += batch.num_rows
        size += batch.nbytes
        if size > limits.rows:
            raise LimitError(
                f"The table needs more than {limits.rows >> 20:,} MB once it is read.", "Give fewer rows or columns."
            )
        frames.send(b"B", _alone(batch, meta))
        frames.say(b"P", told.fraction)
        if told.first and rows >= told.first:
            break
    # What came behind the rows: overflow marks, infos.
    frames.send(b"S", with_unique_names(told.meta).to_schema().serialize())
    frames.say(b"F", told.notes)


def _alone(batch: pa.RecordBatch, meta: TableMeta) -> pa.Buffer:
    """The batch as an Arrow stream of its own: its types may be narrower than those its columns declare."""
    schema = pa.schema([pa.field(item.name, array.type) for item, array in zip(meta.columns, batch.columns)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    return sink.getvalue()


def main() -> None:
    frames = _Frames()
    asked = json.loads(sys.argv[1])
    _limit(Limits(*asked["limits"]))
    warnings.simplefilter("ignore")
    kind = "FormatError"
    try:
        _work(asked, frames)
    except TriviewError as error:
        kind = "LimitError" if isinstance(error, LimitError) else kind
        told = (kind, error.message, error.hint)
    except MemoryError:
        told = ("LimitError", "The table needs too much memory to be read.", "Give fewer rows or columns.")
    except BrokenPipeError:
        os._exit(1)  # nobody waits any more
    except Exception as error:  # noqa: BLE001 - whatever a damaged file does to its reader is the file's fault
        told = (kind, f"The table cannot be read: {' '.join(str(error).split())[:300]}.", "The file may be damaged.")
        if isinstance(error, pa.ArrowMemoryError):
            told = ("LimitError", "The table needs too much memory to be read.", "Give fewer rows or columns.")
    else:
        os._exit(0)  # what a damaged file left behind is not cleaned up
    frames.say(b"E", told)
    os._exit(3)


if __name__ == "__main__":
    main()
