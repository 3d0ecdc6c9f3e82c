"""The four notebooks keep the house's conventions, so that Lab, papermill, nbmake and the report can all use them."""

import ast
import dataclasses
import json
import logging
import re

import nbformat
import pytest
from nbconvert.exporters import ScriptExporter
from papermill import inspect_notebook

from hwlib.config import CONFIGS
from hwlib.figures import DRAWINGS
from hwlib.paths import NOTEBOOKS
from hwlib.sources import NAMES

ARTEFACTS = {
    "p1": "model1_1 fig1_2 tbl1_3 fig1_4 fig1_5 txt1_6",
    "p2": "model2_1 fig2_1 fig2_2 txt2_3 fig2_4 txt2_4",
    "p3": "model3_5 tbl3_1 fig3_1b fig3_1c fig3_0 fig3_4 fig3_4b tbl3_4c txt3_6",
    "p4": "model4_3 tbl4_1 fig4_1b fig4_1c fig4_0 fig4_2 tbl4_2b txt4_4",
}


def tags(cell):
    return cell["metadata"].get("tags", [])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def test_prose_stands_in_pairs_of_chinese_and_english(notebook):
    languages = [
        (index, tag) for index, cell in enumerate(notebook["cells"]) for tag in tags(cell) if tag.startswith("lang:")
    ]
    markdown = [index for index, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "markdown"]
    assert [index for index, _ in languages] == markdown
    assert [tag for _, tag in languages] == ["lang:zh", "lang:en"] * (len(markdown) // 2)
    for zh, en in zip(markdown[::2], markdown[1::2], strict=True):
        assert en == zh + 1
        levels = [re.findall(r"^#+", source(notebook["cells"][i]), re.M) for i in (zh, en)]
        assert levels[0] == levels[1]
        formulas = [re.findall(r"\$\$.*?\$\$", source(notebook["cells"][i]), re.S) for i in (zh, en)]
        assert formulas[0] == formulas[1]


def test_prose_is_in_its_language(notebook):
    for cell in notebook["cells"]:
        chinese = len(re.findall(r"[一-鿿]", source(cell)))
        if "lang:zh" in tags(cell):
            assert chinese > 10
        elif "lang:en" in tags(cell):
            assert chinese == 0


def test_order_of_the_first_cells_and_the_last(notebook):
    cells = notebook["cells"]
    assert [tags(cell) for cell in cells[:4]] == [["lang:zh"], ["lang:en"], ["versions"], ["parameters"]]
    last = [["record"], ["lang:zh", "explore"], ["lang:en", "explore"], ["explore"]]
    assert [tags(cell) for cell in cells[-4:]] == last  # exploring needs the finished record


def test_code_cells_are_thin(notebook):
    for cell in code_cells(notebook):
        tree = ast.parse(source(cell))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not any(isinstance(node, kinds) for node in ast.walk(tree))
        if "parameters" not in tags(cell):
            lines = [line for line in source(cell).splitlines() if line.strip() and "import " not in line]
            assert len(lines) <= 8


def test_committed_without_outputs(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code_cells(notebook))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert "papermill" not in notebook["metadata"]


@pytest.mark.parametrize("problem", CONFIGS)
def test_written_as_jupyters_own_tools_write_it(problem):
    """Else the first save in Lab, or a tool that rewrites notebooks, changes lines that nobody touched."""
    text = (NOTEBOOKS / f"{NAMES[problem]}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"


@pytest.mark.parametrize("problem", CONFIGS)
def test_exported_as_a_script_it_is_python(problem):
    script, resources = ScriptExporter().from_filename(str(NOTEBOOKS / f"{NAMES[problem]}.ipynb"))
    assert resources["output_extension"] == ".py"
    assert resources["output_mimetype"] == "text/x-python"
    ast.parse(script)


def test_no_cell_depends_on_the_working_directory(notebook):
    for cell in code_cells(notebook):
        assert not re.search(r"open\(|os\.|Path\(|\.\./|sys\.path", source(cell))


@pytest.mark.parametrize("problem", CONFIGS)
def test_parameters_are_those_of_the_configuration(problem, caplog):
    with caplog.at_level(logging.WARNING):
        found = inspect_notebook(str(NOTEBOOKS / f"{NAMES[problem]}.ipynb"))
    assert caplog.records == []  # papermill warns of every line that it cannot read
    fields = {field.name: field.default for field in dataclasses.fields(CONFIGS[problem])}
    assert {name: ast.literal_eval(entry["default"]) for name, entry in found.items()} == fields
    assert all(entry["help"] for entry in found.values())
    kinds = {
        field.name: str(field.type).split(" |")[0].removeprefix("<class '").removesuffix("'>")
        for field in dataclasses.fields(CONFIGS[problem])
    }
    assert {name: entry["inferred_type_name"] for name, entry in found.items()} == kinds


@pytest.mark.parametrize("problem", CONFIGS)
def test_no_cell_assigns_a_parameter(problem):
    """A cell that did would change the next run of a person who runs cells again in Lab."""
    names = {field.name for field in dataclasses.fields(CONFIGS[problem])}
    cells = json.loads((NOTEBOOKS / f"{NAMES[problem]}.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code" and "parameters" not in tags(cell):
            stored = (
                n.id
                for n in ast.walk(ast.parse(source(cell)))
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
            assert names.isdisjoint(stored)


def test_nbmake_runs_the_smoke_profile(notebook):
    parameters = next(cell for cell in notebook["cells"] if "parameters" in tags(cell))
    mock = parameters["metadata"]["nbmake"]["mock"]
    # A folder of its own: a test must not put a smoke run where somebody's real one lies. And a test that was stopped
    # must not keep the next one, of other code, from running.
    assert mock == {"profile": "smoke", "data": "sample", "runs": "runs/smoke", "resume": False, "force": True}


@pytest.mark.parametrize("problem", CONFIGS)
def test_every_artefact_has_its_cell(problem):
    cells = json.loads((NOTEBOOKS / f"{NAMES[problem]}.ipynb").read_text(encoding="utf-8"))["cells"]
    named = {tag for cell in cells for tag in tags(cell)}
    assert set(ARTEFACTS[problem].split()) <= named
    assert {name for name in named if name.startswith("fig")} <= DRAWINGS.keys()
