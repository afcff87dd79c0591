"""The rules of the house, as tests."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("portal", "widgets", "views")
FORBIDDEN = {"utils", "helpers", "common", "manager", "handler", "data", "info", "core", "misc", "impl", "base"}
ALLOWED = {"widgets/base.py", "views/base.py", "portal/archive/handler.py"}


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts)


def sources() -> list[Path]:
    return [*files(*ROOMS), ROOT / "server.py"]


def everything() -> list[Path]:
    return [*sources(), *files("tests", "ui_tests")]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_import_rules() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_no_file_is_too_long() -> None:
    scripts = [path for path in (ROOT / "static").glob("*.js")] + list((ROOT / "static" / "parts").glob("*"))
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in [*everything(), *scripts]}
    assert not {path: lines for path, lines in lengths.items() if lines > 400}
    assert statistics.median(lengths[path.relative_to(ROOT)] for path in sources()) < 150


def test_every_file_says_what_it_is() -> None:
    without = [
        path.relative_to(ROOT) for path in everything() if path.stat().st_size and not ast.get_docstring(_tree(path))
    ]
    assert not without


def test_names() -> None:
    bad = [
        name for name in (str(path.relative_to(ROOT)) for path in sources())
        if Path(name).stem in FORBIDDEN and name not in ALLOWED
    ]  # fmt: skip
    assert not bad


def test_every_widget_has_its_script_and_its_browser_test() -> None:
    nouns = {}
    for path in files("widgets"):
        for found in re.finditer(r'^    noun = "(\w+)"', path.read_text(), re.MULTILINE):
            nouns[found[1]] = path
    scripts = {path.stem for path in (ROOT / "static").glob("*.js")}
    assert nouns and set(nouns) == scripts
    tests = "\n".join(path.read_text() for path in files("ui_tests"))
    missing = [
        noun for noun in nouns if not (ROOT / "ui_tests" / f"test_{noun}.py").exists() and f"noun:{noun}" not in tests
    ]
    assert not missing, f"no browser test names these widgets: {missing}"


def test_parameters_are_watched_in_one_place() -> None:
    users = [path.relative_to(ROOT) for path in sources() if ".param.watch(" in path.read_text()]
    assert users == [Path("views/base.py")]


def test_no_state_at_module_level() -> None:
    """A Parameterized made at import would be shared by all pages and keep them alive."""
    code = (
        "import importlib, pkgutil, sys, param\n"
        "import views, widgets, portal\n"
        "for package in (portal, widgets, views):\n"
        "    for item in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if item.name.endswith('__main__'): continue\n"
        "        module = importlib.import_module(item.name)\n"
        "        for name, value in vars(module).items():\n"
        "            ours = not type(value).__module__.startswith('panel.')\n"
        "            if ours and isinstance(value, param.Parameterized): print(item.name, name)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout == ""


def test_every_setting_is_documented() -> None:
    sys.path.insert(0, str(ROOT))
    from portal.config import describe_settings

    readme = (ROOT / "README.md").read_text()
    shown = subprocess.run(
        [sys.executable, "server.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name, _, help in describe_settings():
        assert f"`{name}`" in readme, name
        assert name in shown and help, name


def test_every_function_is_documented() -> None:
    from portal.adql.functions import FUNCTIONS

    readme = (ROOT / "README.md").read_text().lower()
    functions = FUNCTIONS.values() if isinstance(FUNCTIONS, dict) else FUNCTIONS
    for function in functions:
        assert function.description, function.name
    assert "adql functions" in readme


@pytest.mark.parametrize(
    "pattern", [r"\bregistry\.npmjs", r"pypi\.org/simple", r"files\.pythonhosted", r"/root/", r"/work/"]
)
def test_committed_files_name_no_registry_and_no_machine(pattern: str) -> None:
    found = []
    for path in tracked():
        if path == Path(__file__).resolve() or path.suffix in {".png", ".jpg"}:
            continue
        if re.search(pattern, path.read_text(errors="replace")):
            found.append(path.relative_to(ROOT))
    assert not found


def test_scripts_write_no_markup_from_text() -> None:
    """Names, descriptions and cells come from outside: they go in as text."""
    for path in [*(ROOT / "static").glob("*.js"), *(ROOT / "static" / "parts").glob("*.js")]:
        assert not re.search(r"\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write", path.read_text()), path


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
