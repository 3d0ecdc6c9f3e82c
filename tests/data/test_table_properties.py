"""The csv reader, whatever it is given: the table that was written, or one line."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwlib.data.table import DIGIT_FORM, FACE_FORM, parse, scan
from hwlib.errors import WorkbookError

FILE = Path("set/train.csv")
TEXT = st.text(st.characters(codec="utf-8"))
FORMS = st.sampled_from([DIGIT_FORM, FACE_FORM])


def is_name(text):
    return text == text.strip() and text not in ("", ".", "..") and not {"/", "\\"} & set(text)


NAMES = st.lists(TEXT.filter(is_name), min_size=1, max_size=8, unique=True)

# Tables that are nearly right: pieces of good ones and what people and spreadsheets do to them.
CELLS = st.sampled_from(
    [
        "image_name",
        "label",
        "0.png",
        "1.png",
        "7",
        "7.0",
        "10",
        "-1",
        "nan",
        "",
        " ",
        '"',
        "..",
        "a/b",
        "\0",
        "\xa0",
        "٣",
    ]
)
NEARLY = st.builds(
    lambda mark, header, rows, separator, end: mark + end.join([header, *(separator.join(row) for row in rows)]),
    st.sampled_from(["", "\ufeff", "\n", " "]),
    st.sampled_from(
        ["image_name,label", "image_name,label,,", "label, image_name ", "image_name;label", '"image_name"', ""]
    ),
    st.lists(st.lists(CELLS, max_size=4), max_size=6),
    st.sampled_from([",", ",", ";", "\t", ', "']),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
)
CONTENTS = st.one_of(
    st.binary(), TEXT.map(str.encode), NEARLY.map(str.encode), NEARLY.map(lambda text: text.encode("utf-16"))
)


@given(CONTENTS, FORMS)
@example(b'image_name,label\n"' + b"x" * 140_000, DIGIT_FORM)
@example("image_name,label\na\u2028b.png,\x85\x1c\n".encode(), DIGIT_FORM)
def test_whatever_is_read_is_a_table_or_one_line(content, form):
    problems = []
    table = scan(content, form, problems.append)
    try:
        names, values = parse(FILE, content, form)
    except WorkbookError as error:
        message = str(error)
        assert message.startswith(str(FILE))
        assert len(message.splitlines()) == 1
        assert len(message) < 1000
        # The loader stops at the first of the problems that are collected.
        assert " ".join(problems[0].text.splitlines()) in message
        assert problems[0].row is None or f", row {problems[0].row}: " in message
    else:
        assert problems == []
        assert table.whole
        assert table.names == names
        assert list(table.values.values()) == values
        assert all(map(is_name, names.values()))
        assert len(set(names.values())) == len(names) == len(values) > 0
        assert all(0 <= value <= (9 if form is DIGIT_FORM else 1) for row in values for value in row)
    assert all(row >= 1 for row in table.names)
    assert table.values.keys() <= table.names.keys()


@given(st.data(), FORMS, NAMES)
def test_what_is_written_is_read(data, form, names):
    """Columns in any order and others among them; names of any characters; any end of line; a mark or none."""
    digits = st.integers(0, 9 if form is DIGIT_FORM else 1)
    values = data.draw(st.lists(st.tuples(*[digits] * len(form.columns)), min_size=len(names), max_size=len(names)))
    columns = data.draw(st.permutations(["image_name", *form.columns, "other"]))
    write = data.draw(st.sampled_from(["{}", "{}.0", "{}.", " {} "]))
    text = io.StringIO(newline="")
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rows = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL, lineterminator=end)
    rows.writeheader()
    for name, labels in zip(names, values, strict=True):
        cells = {column: write.format(value) for column, value in zip(form.columns, labels, strict=True)}
        rows.writerow({"image_name": name, "other": "any, thing", **cells})
    content = text.getvalue().encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    read, got = parse(FILE, content, form)
    assert list(read.values()) == names
    assert got == [list(labels) for labels in values]
    assert list(read) == sorted(set(read))


CLEAN = st.lists(
    st.tuples(st.from_regex(r"[A-Za-z0-9_-]{1,8}\.png", fullmatch=True), st.integers(0, 9)),
    min_size=1,
    unique_by=lambda row: row[0],
)


@given(CLEAN)
def test_clean_files_are_read_as_csv_reads_them(rows):
    text = "image_name,label\n" + "".join(f"{name},{label}\n" for name, label in rows)
    reference = list(csv.DictReader(io.StringIO(text)))
    names, values = parse(FILE, text.encode(), DIGIT_FORM)
    assert list(names) == list(range(2, len(rows) + 2))
    assert list(names.values()) == [row["image_name"] for row in reference]
    assert values == [[int(row["label"])] for row in reference]


@given(CLEAN, st.data())
def test_every_bad_row_is_found(rows, data):
    """Any rows may be spoilt: each is reported under its own number, and the others are read as if nothing were."""
    spoilt = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    bad = [(f"{name},{label}x" if i in spoilt else f"{name},{label}") for i, (name, label) in enumerate(rows)]
    problems = []
    table = scan(("image_name,label\n" + "\n".join(bad)).encode(), DIGIT_FORM, problems.append)
    assert [each.row for each in problems] == [i + 2 for i in sorted(spoilt)]
    assert {each.kind for each in problems} == {"value"}
    assert table.names == {i + 2: name for i, (name, _) in enumerate(rows)}
    assert table.values == {i + 2: [label] for i, (_, label) in enumerate(rows) if i not in spoilt}


@pytest.mark.parametrize("number", [1, 3])
def test_bad_cells_of_a_row_are_one_problem(number):
    cells = ["0"] * 13
    cells[2 : 2 + number] = ["-1"] * number
    problems = []
    content = ",".join(["image_name", *FACE_FORM.columns]) + "\na.png," + ",".join(cells)
    scan(content.encode(), FACE_FORM, problems.append)
    (found,) = problems
    assert found.text.startswith("Black_Hair is '-1'; an attribute is 0 or 1 (CelebA's own -1")
    assert found.text.endswith("; 2 more cells of this row are wrong too") == (number == 3)
