"""Parameters: case-insensitive, from queries, forms and multipart bodies as STILTS sends them."""

from __future__ import annotations

import pytest

from portal.archive.params import Parameters, UsageError, parse_multipart, read_parameters
from portal.errors import FormatError

KIND = 'multipart/form-data; boundary="x y"'
PARTS = (
    b'--x y\r\nContent-Disposition: form-data; name="LANG"\r\n\r\nADQL\r\n'
    b'--x y\r\nContent-Disposition: form-data; name="t"; filename="t.vot"\r\n'
    b"Content-Type: text/xml\r\n\r\n<VOTABLE/>\r\n"
    b"--x y--\r\n"
)


@pytest.mark.parametrize("preamble", [b"", b"\r\n", b"ignored\r\n"])
def test_multipart_with_any_preamble(preamble: bytes) -> None:
    assert parse_multipart(preamble + PARTS, KIND) == ([("LANG", "ADQL")], {"t": b"<VOTABLE/>"})


def test_a_cut_multipart_body_is_refused() -> None:
    for size in range(len(PARTS) - 4):
        with pytest.raises(FormatError):
            parse_multipart(PARTS[:size], KIND)


def test_names_are_case_insensitive_and_values_come_from_both_places() -> None:
    asked = read_parameters("lang=ADQL&x=1", "application/x-www-form-urlencoded", b"Query=SELECT+1&x=1")
    assert (asked.get("LANG"), asked.get("query"), asked.get("X")) == ("ADQL", "SELECT 1", "1")


def test_two_different_values_of_one_parameter_are_refused() -> None:
    with pytest.raises(UsageError, match="MAXREC was given 2 times"):
        Parameters([("maxrec", "1"), ("MAXREC", "2")]).get("maxrec")


def test_other_bodies_are_refused() -> None:
    with pytest.raises(UsageError, match="application/json"):
        read_parameters("", "application/json", b"{}")
    with pytest.raises(FormatError):
        read_parameters("", "multipart/form-data", b"--x--")
