"""The archive before the field's own validator: every stage of STILTS taplint, without an error or a warning."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

STAGES = "TMV TME TMS TMC CPV CAP AVV QGE QPO QAS UWS MDQ OBS LOC UPL EXA"

pytestmark = [
    pytest.mark.stilts,
    pytest.mark.skipif(not shutil.which("stilts"), reason="stilts is not installed"),
]


def test_taplint_finds_nothing(service) -> None:
    command = ["stilts", "taplint", f"tapurl={service.tap}", f"stages={STAGES}", "report=EWFS"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=150)
    found = re.search(r"Errors: (\d+); Warnings: (\d+)", run.stdout)
    assert found, run.stdout + run.stderr
    assert found.groups() == ("0", "0"), run.stdout
    failures = [line for line in run.stdout.splitlines() if line.startswith("F-")]
    assert not failures, run.stdout


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("SELECT TOP 3 * FROM dp1.Object", "votable"),
        ("SELECT TOP 3 * FROM ivoa.ObsCore", "application/x-votable+xml;serialization=TABLEDATA"),
        ("SELECT TOP 3 * FROM dp2.DiaSource", "application/x-votable+xml;serialization=BINARY"),
        ("SELECT nothing FROM dp1.Object", "votable"),
    ],
)
def test_votlint_finds_nothing(service, tmp_path, query: str, form: str) -> None:
    file = tmp_path / "answer.vot"
    file.write_bytes(service.sync(query, RESPONSEFORMAT=form, MAXREC="2").content)
    run = subprocess.run(["stilts", "votlint", str(file)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and not run.stdout + run.stderr, run.stdout + run.stderr
