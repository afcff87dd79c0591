"""Text tables and lists: names, types from all the cells, encodings, and what is wrong with lines."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import FormatError, LimitError
from portal.table.foreign.kinds import Options
from tests.portal.table.reading import read_here, rows_of

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]


def types(meta) -> dict[str, str]:
    return {column.name: column.datatype for column in meta.columns}


def test_ids_stay_exact_whatever_stands_below_them():
    rows = "\n".join(f"{number},1.5,x" for number in IDS)
    kind, meta, table, notes = read_here(f"id,flux,name\n{rows}\n,,\nnull,nan,\n")
    assert (kind.label, kind.delimiter, kind.header) == ("CSV", ",", True)
    assert types(meta) == {"id": "long", "flux": "double", "name": "char"} and not notes
    assert table["id"].to_pylist() == [*IDS, None, None]
    # A decimal, far below, must not turn the ids above it into floats.
    _, meta, table, notes = read_here(f"id\n{IDS[0]}\n" + "7\n" * 50_000 + "1.5\n", "a.csv")
    assert types(meta) == {"id": "char"} and table["id"][0].as_py() == str(IDS[0])
    assert "decimals and also whole numbers of more than 15 digits" in notes[0]
    # Not a number between whole ones is a null, not a float.
    _, meta, table, _ = read_here(f"id,b\n{IDS[0]},1\nnan,2\n{IDS[1]},3\n")
    assert types(meta)["id"] == "long" and table["id"].to_pylist() == [IDS[0], None, IDS[1]]


@pytest.mark.parametrize(
    "cells, datatype, values",
    [
        (["007", "12"], "char", ["007", "12"]),
        (["18446744073709551615", "1"], "char", ["18446744073709551615", "1"]),
        (["-9223372036854775808", "+5"], "long", [-(2**63), 5]),
        (["1", "2.5", "1e3"], "double", [1.0, 2.5, 1000.0]),
        (["1.5D+01", "inf", ".5"], "double", [15.0, float("inf"), 0.5]),
        (["true", "False", ""], "boolean", [True, False, None]),
        (["T", "5"], "char", ["T", "5"]),
        (["", "", ""], "char", [None, None, None]),
        (["--", "N/A", "3"], "long", [None, None, 3]),
        (["2026-13-45T99:00:00", "9999999-01-01"], "char", ["2026-13-45T99:00:00", "9999999-01-01"]),
        (["0x10", "1_000"], "char", ["0x10", "1_000"]),
        ([" 5 ", "6"], "long", [5, 6]),
    ],
)
def test_types_are_those_all_cells_agree_on(cells, datatype, values):
    _, meta, table, _ = read_here("a,b\n" + "\n".join(f"{cell},x" for cell in cells), "a.csv")
    assert types(meta)["a"] == datatype
    assert table["a"].to_pylist() == values


def test_a_type_that_was_asked_for_is_taken_or_refused_by_name():
    text = "a,b\n007,1\n12,2\n"
    _, meta, table, _ = read_here(text, options=Options(types=(("a", "long"), ("b", "char"))))
    assert types(meta) == {"a": "long", "b": "char"} and table["a"].to_pylist() == [7, 12]
    with pytest.raises(FormatError, match="Column a: a cell is not of type int: 'x' in row 4"):
        read_here("a,b\n1,1\n2,1\n,1\nx,1\n5,1\n", options=Options(types=(("a", "int"),)))


@pytest.mark.parametrize(
    "mark, label", [(",", "CSV"), ("\t", "TSV"), (";", "semicolon"), ("|", "bar"), ("   ", "blanks")]
)
def test_delimiters_names_and_comments(mark, label):
    rows = [["ra", "dec", "band"], ["10.5", "-3", "g"], ["11.5", "-4", "'r'"]]
    text = "# made by hand\n\n" + "\n".join(mark.join(row) for row in rows) + "\n# the end\n"
    kind, meta, table, notes = read_here(text, "a.txt")
    assert label in kind.label and kind.header and not notes
    assert [info.value for info in meta.infos] == ["made by hand"]
    assert table.to_pydict() == {"ra": [10.5, 11.5], "dec": [-3, -4], "band": ["g", "'r'"]}


def test_blanks_within_cells_are_no_delimiters():
    _, _, table, _ = read_here("a\tb c\n1\t2 3\n4\t5 6\n")
    assert table.to_pydict() == {"a": [1, 4], "b c": ["2 3", "5 6"]}


def test_names_in_a_comment_and_no_names_at_all():
    _, _, table, _ = read_here("# ra dec mag\n1.5 2.5 20\n3.5 4.5 21\n")
    assert table.column_names == ["ra", "dec", "mag"] and table.num_rows == 2
    kind, _, table, _ = read_here("1.5,2.5,20\n3.5,4.5,21\n", "a.csv")
    assert not kind.header and table.column_names == ["column_1", "column_2", "column_3"]
    _, _, table, _ = read_here("1.5,2.5\n3.5,4.5\n", "a.csv", Options(header=True))
    assert table.column_names == ["1.5", "2.5"] and table.num_rows == 1


def test_names_twice_or_empty_and_many_columns():
    _, meta, table, _ = read_here("ra,RA,,ra,a b\n1,2,3,4,5\n")
    assert table.column_names == ["ra", "RA_1", "column_3", "ra_2", "a b"]
    assert meta.extra["label.RA_1"] == "RA"
    wide = ",".join(f"c{at}" for at in range(5000)) + "\n" + ",".join(map(str, range(5000))) + "\n"
    assert read_here(wide)[2].num_columns == 5000
    with pytest.raises(LimitError, match="20,001 columns"):
        read_here(",".join(["x"] * 20_001))


def test_ragged_lines_are_told_by_number_and_not_mixed_in():
    text = "a,b,c\n1,2,3\n4,5\n6,7,8\n9,10,11,12\n13,14,15\n16,17,18\n"
    _, _, table, notes = read_here(text)
    assert table["a"].to_pylist() == [1, 6, 13, 16]
    assert notes == ["2 lines were left out for not having 3 cells: the first is line 3 with 2."]
    with pytest.raises(FormatError, match="delimiter"):
        read_here("a,b,c\n1\n2\n3\n4\n5,6,7\n", "a.csv", Options(delimiter=","))


def test_quotes_hold_delimiters_and_lines_and_must_close():
    _, _, table, _ = read_here('a,b\n"x, y",1\n"two\nlines",2\n"say ""so""",3\n"",4\n,5\n')
    assert table["a"].to_pylist() == ["x, y", "two\nlines", 'say "so"', "", None]
    with pytest.raises(FormatError, match="quote"):
        read_here('a,b\n"x,1\n' + "y,2\n" * 30)


def test_a_cell_of_a_megabyte():
    _, _, table, _ = read_here("a,b\n" + "x" * (1 << 20) + ",1\n" + "y" * (9 << 20) + ",2\n")
    assert [len(cell) for cell in table["a"].to_pylist()] == [1 << 20, 9 << 20]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings(codec):
    text = "naïve,b\nÅngström,1\n" + "é,2\n" * 5
    kind, _, table, notes = read_here(text.encode(codec), "a.csv")
    assert table.column_names == ["naïve", "b"] and table["naïve"][0].as_py() == "Ångström"
    assert kind.encoding == codec.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    assert bool(notes) == (codec == "latin-1")
    with pytest.raises(FormatError, match="not UTF-8"):
        read_here("é\n".encode("latin-1"), "a.csv", Options(encoding="utf-8"))


def test_an_accent_behind_the_first_megabytes_still_counts():
    data = b"a,b\n" + (b"x" * 500 + b",1\n") * 10_000 + "é,2\n".encode("latin-1")
    _, _, table, notes = read_here(data, "a.csv")
    assert table["a"][-1].as_py() == "é" and "Latin-1" in notes[0]


def test_no_rows():
    for text in ("ra,dec\n", "ra,dec", "# a comment\nra,dec"):
        _, _, table, _ = read_here(text, "a.csv")
        assert table.column_names == ["ra", "dec"] and table.num_rows == 0
    for empty in (b"", b"\n\n", b"\xef\xbb\xbf"):
        with pytest.raises(FormatError):
            read_here(empty)


def test_id_lists():
    for text in ("\n".join(map(str, IDS)), "objectId\n" + "\n".join(map(str, IDS)), ", ".join(map(str, IDS)),
                 f"{IDS[0]} {IDS[1]}\n{IDS[2]}\n"):  # fmt: skip
        kind, meta, table, _ = read_here(text)
        assert kind.format == "ids" and table.column(0).to_pylist() == IDS
        assert meta.columns[0].name in ("id", "objectId") and meta.columns[0].ucd == "meta.id;meta.main"
    assert rows_of(str(2**63) + "\n1\n") == [(str(2**63),), ("1",)]
    assert read_here("1,2\n3,4\n")[0].format == "csv"
    with pytest.raises(FormatError, match="'x' in line 3"):
        read_here("1\n2\nx\n", options=Options(format="ids"))


@pytest.mark.parametrize(
    "line, ra, dec",
    [
        ("62.5 -37.25", 62.5, -37.25),
        ("62.5,-37.25,my star", 62.5, -37.25),
        ("04:10:00 -37:15:00", 62.5, -37.25),
        ("04 10 00.0 -37 15 00", 62.5, -37.25),
        ("4h10m00s -37d15m00s M 5", 62.5, -37.25),
        ("04:10:00.0-00:30:00", 62.5, -0.5),
    ],
)
def test_position_lists(line, ra, dec):
    kind, meta, table, _ = read_here(f"# targets\n{line}\n{line}\n")
    assert kind.format == "positions"
    assert table["ra"].to_pylist() == pytest.approx([ra, ra]) and table["dec"].to_pylist() == pytest.approx([dec, dec])
    assert [column.unit for column in meta.columns[:2]] == ["deg", "deg"]
    assert ("name" in table.column_names) == (line[-1].isalpha() or (line.endswith("5") and "M" in line))


def test_positions_that_are_none_are_counted():
    _, _, table, notes = read_here("1.5 2.5\nno\n3.5 95\n", options=Options(format="positions"))
    assert table.num_rows == 1 and notes == ["2 lines were left out for being no position: the first is line 2."]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.floats(allow_nan=False, width=64)),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_python_writes_comes_back(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(["a", "b", "c"])
    for number, value, text in rows:
        cells = ["" if number is None else str(number), "" if value is None else repr(value)]
        out.write(",".join(cells) + ',"' + text.replace('"', '""') + '"\n')
    _, meta, table, _ = read_here(out.getvalue(), "a.csv", Options(delimiter=",", header=True, types=(("c", "char"),)))
    kinds = types(meta)
    numbers, values = [row[0] for row in rows], [row[1] for row in rows]
    assert table["c"].to_pylist() == [row[2] for row in rows]
    assert kinds["a"] == ("char" if all(item is None for item in numbers) else "long")
    assert table["a"].to_pylist() == numbers
    if kinds["b"] == "double":
        assert table["b"].to_pylist() == values


@pytest.mark.parametrize("mark", ["\x0c", "\u0085", "\u2028", "\x1c"])
def test_only_line_ends_end_lines(mark):
    text = f"# one{mark}two\nid,ra\n1,2.5\n2,3.5\n3,4.5\n"
    _, meta, table, _ = read_here(text, "a.csv")
    assert [column.name for column in meta.columns] == ["id", "ra"] and table["id"].to_pylist() == [1, 2, 3]


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("blank", [",", " "])
def test_lines_that_end_in_carriage_returns_alone(blank, start):
    text = start + "id,name\r1,é\r2,b\r".replace(",", blank)
    assert rows_of(text.encode(), "a.txt") == [(1, "é"), (2, "b")]
    if not start:
        assert rows_of(text.encode("latin-1"), "a.txt") == [(1, "é"), (2, "b")]
    assert rows_of("1651281746966117377\r7\r", "a.txt") == [(1651281746966117377,), (7,)]
