"""Parameters: strict names, strict types, and what a profile fills in."""

import dataclasses

import pytest

from hwlib.config import AUTO_METHOD, CONFIGS, PROFILES, UDAConfig, read, read_notebook
from hwlib.errors import WorkbookError

BAD = [
    ("p3", {"scr": "usps"}, "scr: p3 has no such parameter; it has profile, "),
    ("p1", {"src": "usps"}, "src: p1 has no such parameter"),
    ("p3", {"src": "usps", "tgt": "usps"}, "tgt: 'usps' is also the source"),
    ("p3", {"src": "a/b"}, "src: 'a/b' is not the name of a digit set"),
    ("p1", {"epochs": -1}, "epochs: -1 is too small; it is at least 1"),
    ("p1", {"epochs": 0}, "epochs: 0 is too small"),
    ("p1", {"epochs": "ten"}, "epochs: 'ten' is not a whole number or None"),
    ("p1", {"epochs": 1.5}, "epochs: 1.5 is not a whole number"),
    ("p1", {"epochs": True}, "epochs: True is not a whole number"),
    ("p1", {"epochs": 3, "steps": 5}, "steps: given together with epochs"),
    ("p1", {"profile": "enormous"}, "profile: 'enormous' is not one of auto, smoke, quick, cpu, full"),
    ("p1", {"lr": 0}, "lr: 0.0 is too small; it is greater than 0"),
    ("p1", {"lr": "nan"}, "lr: 'nan' is not a number"),
    ("p1", {"lr": "inf"}, "lr: 'inf' is not a number"),
    ("p1", {"seed": None}, "seed: None is not a whole number"),
    ("p1", {"seed": 2**32}, "seed: 4294967296 is too large; it is at most 4294967295"),
    ("p1", {"seed": -3}, "seed: -3 is too small"),
    ("p1", {"batch_size": 1}, "batch_size: 1 is too small; it is at least 2"),
    ("p1", {"batch_size": "1000000"}, "batch_size: 1000000 is too large; it is at most 4096"),
    ("p4", {"tsne_points": 10**6}, "tsne_points: 1000000 is too large; it is at most 20000"),
    ("p1", {"attribute": "Beard"}, "attribute: 'Beard' is not one of Bangs"),
    ("p1", {"data": 3}, "data: 3 is not text"),
    ("p1", {"device": "tpu"}, "device: 'tpu' is not one of auto, cpu, cuda, cuda:N, mps"),
    ("p1", {"device": "cuda:x"}, "device: 'cuda:x' is not one of"),
    ("p1", {"resume": "maybe"}, "resume: 'maybe' is not true or false"),
    ("p1", {"resume": 1}, "resume: 1 is not true or false"),
    ("p1", {"checkpoint_seconds": -1}, "checkpoint_seconds: -1.0 is too small; it is at least 0"),
    ("p4", {"without": "luck"}, "without: 'luck' is not one of nothing, pseudo_labels, teacher"),
    (
        "p4",
        {"without": "ramp", "method": "dann_resnet34"},
        "without: 'ramp' means nothing to method dann_resnet34; leave it out",
    ),
    ("p4", {"augment": "none"}, "augment: 'none' means nothing to method adamatch; leave it out"),
    ("p4", {"weights": "imagenet"}, "weights: 'imagenet' means nothing to method adamatch; leave it out"),
    ("p4", {"method": "magic"}, "method: 'magic' is not one of auto, adamatch, dann_resnet34"),
]


@pytest.mark.parametrize(("problem", "params", "message"), BAD)
def test_bad_parameter_is_one_line_that_names_it(problem, params, message):
    with pytest.raises(WorkbookError) as error:
        read(problem, params)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("problem", CONFIGS)
def test_every_whole_number_has_a_largest_value(problem):
    """A size without one takes the memory that there is, or never ends, and the command is killed without a word."""
    for field in dataclasses.fields(CONFIGS[problem]):
        if "int" in str(field.type):
            with pytest.raises(WorkbookError, match=rf"^{field.name}: 1000000000000 is too large; it is at most \d+$"):
                read(problem, {"profile": "smoke", field.name: 10**12})


@pytest.mark.parametrize("problem", CONFIGS)
@pytest.mark.parametrize("profile", PROFILES)
def test_profile_leaves_nothing_open(problem, profile):
    config = read(problem, {"profile": profile})
    empty = [name for name, value in config.params().items() if value is None]
    assert empty in (["epochs"], ["steps"])


def test_given_values_outrank_the_profile():
    config = read("p1", {"profile": "quick", "epochs": "3", "lr": "1e-4", "batch_size": 7})
    assert (config.epochs, config.steps, config.lr, config.batch_size) == (3, None, 1e-4, 7)


def test_numbers_may_come_as_text_and_floats():
    assert (
        read("p1", {"seed": "7", "steps": 5.0}).params() | {"seed": 7, "steps": 5}
        == read("p1", {"seed": 7, "steps": 5}).params()
    )


def test_full_profile_is_the_reports():
    students = {"p4": {"method": "dann_resnet34"}}
    read_all = {p: read(p, {"profile": "full"} | students.get(p, {})) for p in CONFIGS}
    settings = {p: (c.epochs, c.batch_size, c.lr) for p, c in read_all.items()}
    assert settings == {"p1": (200, 128, 1e-4), "p2": (200, 128, 2e-4), "p3": (100, 128, 1e-3), "p4": (100, 128, 1e-3)}


def test_each_method_has_its_own_budget():
    ours, students = (read("p4", {"profile": "quick", "method": m}) for m in ("auto", "dann_resnet34"))
    assert (ours.method, students.method) == (AUTO_METHOD, "dann_resnet34")
    assert (ours.steps, ours.lr) != (students.steps, students.lr)
    assert {p for budgets in UDAConfig.methods.values() for p in budgets} == set(PROFILES)


def test_run_ids():
    ids = [read(p, {"profile": "smoke", "seed": 3}).run_id for p in CONFIGS]
    assert ids == ["p1_s3", "p2_s3", "p3_usps_mnistm_s3", "p4_usps_mnistm_adamatch_s3"]


def test_a_run_without_an_ingredient_has_a_folder_of_its_own():
    config = read("p4", {"profile": "smoke", "src": "svhn", "tgt": "mnist", "without": "teacher"})
    assert config.run_id == "p4_svhn_mnist_adamatch_without_teacher_s0"


def test_environment_names_the_profile(monkeypatch):
    monkeypatch.setenv("HW_PROFILE", "smoke")
    assert read("p1", {}).profile == "smoke"
    assert read("p1", {"profile": "cpu"}).profile == "cpu"
    monkeypatch.setenv("HW_PROFILE", "huge")
    with pytest.raises(WorkbookError, match=r"^HW_PROFILE: 'huge' is not one of smoke"):
        read("p1", {})


OWN = '# Parameters\nprofile: str = "smoke"\nseed: int = 0\n'


def test_notebook_values_are_read_and_other_variables_are_left_alone():
    namespace = {"In": ["", OWN], "profile": "smoke", "seed": 5, "scratch": 3, "torch": object()}
    assert read_notebook("p1", namespace).seed == 5


def test_misspelt_injected_parameter_fails():
    namespace = {"In": ["", OWN, "# Parameters\nsede = 5\n"], "profile": "smoke", "seed": 0, "sede": 5}
    with pytest.raises(WorkbookError, match=r"^sede: p1 has no such parameter"):
        read_notebook("p1", namespace)


def test_what_papermill_itself_injects_is_no_misspelling(tmp_path):
    """The cell that `--inject-paths` makes, as papermill writes it, with a misspelling or without."""
    import nbformat
    from click.testing import CliRunner
    from papermill.cli import papermill

    from hwlib.paths import NOTEBOOKS

    for option in ("--inject-paths", "--inject-input-path", "--inject-output-path"):
        for extra, wrong in ((["-p", "seed", "5"], ""), (["-p", "PAPERMILL_PATH", "5"], "PAPERMILL_PATH: ")):
            out = tmp_path / "out.ipynb"
            arguments = [str(NOTEBOOKS / "p1_vae.ipynb"), str(out), "--prepare-only", option, *extra]
            assert CliRunner().invoke(papermill, arguments).exit_code == 0
            cells = [c.source for c in nbformat.read(out, as_version=4).cells if c.source.startswith("# Parameters")]
            assert "PAPERMILL_" in cells[1]
            namespace = {"In": cells}
            exec("\n".join(cells), namespace)
            if wrong:
                with pytest.raises(WorkbookError, match=f"^{wrong}p1 has no such parameter"):
                    read_notebook("p1", namespace | {"profile": "smoke"})
            else:
                assert read_notebook("p1", namespace | {"profile": "smoke"}).seed == 5


def test_misspelling_mended_in_lab_is_forgotten():
    cells = ["", OWN + "sede: int = 5\n", OWN + "# mended\n"]
    assert read_notebook("p1", {"In": cells, "profile": "smoke", "seed": 5, "sede": 5}).seed == 5


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), (True, True), (False, False)])
def test_truth_may_come_as_text(text, value):
    assert read("p1", {"resume": text}).resume is value
