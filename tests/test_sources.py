"""What makes a run another run: parameters, data, and the code that computes; and what does not."""

import json

import pytest

from hwlib import sources
from hwlib.config import read
from hwlib.sources import fingerprint, source_hash

SETS = [{"name": "face", "split": "train", "count": 3, "sha256": "0", "stand_in": True}]


@pytest.fixture(autouse=True)
def fresh():
    source_hash.cache_clear()
    yield
    source_hash.cache_clear()


def config(**params):
    return read("p1", {"profile": "smoke"} | params)


def test_only_what_matters_changes_the_fingerprint():
    first = fingerprint(config(), SETS)
    assert fingerprint(config(), SETS) == first
    assert fingerprint(config(runs="elsewhere"), SETS) == first
    assert fingerprint(config(lr=0.5), SETS)["params"] != first["params"]
    assert fingerprint(config(), [SETS[0] | {"sha256": "1"}])["data"] != first["data"]


def hash_with(monkeypatch, tmp_path, problem, module, edit):
    """The hash of a problem's sources if one module's text were another."""
    real = sources._file

    def edited(name):
        path = real(name)
        if name == module:
            copy = tmp_path / path.name
            copy.write_text(edit(path.read_text()))
            return copy
        return path

    source_hash.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(sources, "_file", edited)
        return source_hash(problem)


@pytest.mark.parametrize(
    ("problem", "module", "changes"),
    [
        ("p1", "hwlib.models.vae", True),
        ("p1", "hwlib.training.vae", True),
        ("p1", "hwlib.training.engine", True),
        ("p1", "hwlib.evaluation.distance", True),
        ("p1", "hwlib.models.dann", True),  # through the cosine schedule of the attribute classifier's rule
        ("p1", "hwlib.models.gan", True),  # through the samplers, which share a module
        ("p1", "hwlib.models.resnet34_dann", False),
        ("p1", "hwlib.figures", False),
        ("p1", "hwlib.report.tables", False),
        ("p3", "hwlib.models.vae", False),
        ("p3", "hwlib.training.adaptation", True),
        ("p4", "hwlib.models.resnet34_dann", True),
        ("p4", "hwlib.models.compact_cnn", True),
        ("p4", "hwlib.training.adamatch", True),
        ("p4", "hwlib.training.augment", True),
        ("p1", "hwlib.training.adamatch", False),
    ],
)
def test_a_run_depends_on_the_modules_that_it_reaches(monkeypatch, tmp_path, problem, module, changes):
    before = source_hash(problem)
    after = hash_with(monkeypatch, tmp_path, problem, module, lambda text: text + "\nEXTRA = 1\n")
    assert (after != before) == changes


def test_comments_and_docstrings_do_not_matter(monkeypatch, tmp_path):
    before = source_hash("p1")

    def reword(text):
        return text.replace('"""', '"""Reworded. ', 1) + "\n# a remark\n"

    assert hash_with(monkeypatch, tmp_path, "p1", "hwlib.models.vae", reword) == before


def test_code_of_the_notebook_matters_and_its_parameters_cell_does_not(monkeypatch, tmp_path):
    path = sources.notebook_path("p1")
    before = source_hash("p1")

    def edited(change):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            change(cell)
        copy = tmp_path / "p1_vae.ipynb"
        copy.write_text(json.dumps(notebook))
        source_hash.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(sources, "notebook_path", lambda problem: copy)
            return source_hash("p1")

    def tagged(tag):
        def change(cell):
            if tag in cell["metadata"].get("tags", ()):
                cell["source"] = [*cell["source"], "\nextra = 1"]

        return change

    assert edited(tagged("training")) != before
    assert edited(tagged("parameters")) == before
    assert edited(tagged("lang:zh")) == before
