"""Settings from defaults, file and environment."""

from __future__ import annotations

import pytest

from portal.config import Settings, describe_settings, load_settings
from portal.errors import TriviewError


def test_the_environment_wins_over_the_file(tmp_path) -> None:
    file = tmp_path / "triview.toml"
    file.write_text('preset = "tiny"\nport = 6000\nmaxrec = 7\n')
    settings = load_settings({"TRIVIEW_PRESET": "small", "PORT": "7000"}, file)
    assert (settings.preset, settings.port, settings.maxrec) == ("small", 7000, 7)


@pytest.mark.parametrize(
    ("environ", "words"),
    [({"TRIVIEW_PORT": "many"}, "TRIVIEW_PORT"), ({"TRIVIEW_PRESET": "huge"}, "tiny, small")],
)
def test_bad_values_are_named(environ, words) -> None:
    with pytest.raises(TriviewError) as caught:
        load_settings(environ)
    assert words in str(caught.value)


def test_unknown_names_in_the_file_are_named(tmp_path) -> None:
    file = tmp_path / "t.toml"
    file.write_text("prot = 3\n")
    with pytest.raises(TriviewError, match="prot"):
        load_settings({}, file)
    with pytest.raises(TriviewError, match="cannot be read"):
        load_settings({}, tmp_path / "none.toml")


def test_addresses() -> None:
    settings = Settings(host="0.0.0.0", port=8000)
    assert settings.service_url == "http://127.0.0.1:8000/api/tap" and settings.embedded
    other = Settings(tap_url="https://example.org/api/tap/")
    assert other.service_url == "https://example.org/api/tap" and not other.embedded


def test_every_setting_says_why() -> None:
    assert not [name for name, _, help in describe_settings() if not help.endswith(".") or len(help) < 16]
