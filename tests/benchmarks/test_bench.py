"""The benchmarks' form and arithmetic. Nothing here depends on how long anything takes."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import bench, full, plain, show, timing
from benchmarks.flops import flops_per_image
from benchmarks.problems import PROBLEMS
from benchmarks.reference import Folder
from benchmarks.scaling import GRID
from benchmarks.worker import Actions, Worker
from hwlib.config import CONFIGS, SCENARIOS
from hwlib.errors import WorkbookError
from hwlib.models import parameter_count
from hwlib.names import ATTRIBUTES
from hwlib.training.batches import normalise
from hwlib.training.precision import choose

FIELDS = {
    "problem",
    "images_per_s",
    "reference_images_per_s",
    "ratio",
    "gflops",
    "peak_fraction",
    "peak_memory_mb",
    "epoch_s",
}


class Local:
    """Does what a `Worker` does, in this process."""

    def __init__(self, **environment):
        self.actions = Actions()

    def ask(self, action, **arguments):
        return json.loads(json.dumps(getattr(self.actions, action)(**arguments)))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A course folder of noise: nine training images a set."""
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    sets = [("digits/usps", 28, ["label"]), ("digits/mnistm", 28, ["label"]), ("face", 64, list(ATTRIBUTES))]
    for part, side, columns in sets:
        base = tmp_path / "course" / part
        (base / "train").mkdir(parents=True)
        rows = [["image_name", *columns]]
        for i in range(9):
            shape = (side, side) if part.endswith("usps") else (side, side, 3)
            Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(base / "train" / f"{i}.png")
            rows.append([f"{i}.png", *([i] if columns == ["label"] else [float((i + j) % 2) for j in range(13)])])
        (base / "train.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return tmp_path / "course"


def test_a_tiny_run_writes_all_fields(folder, tmp_path, capsys, monkeypatch):
    few = {name: PROBLEMS[name] for name in ("vae", "dann")}  # the others take the same way, and seconds
    monkeypatch.setattr(bench, "PROBLEMS", few)
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(timing, "MATRIX", 64)
    monkeypatch.setattr(timing, "PROBE", 64)
    arguments = [str(folder), "--seconds", "0.01", "--batch-size", "4", "--device", "cpu", "--out", str(tmp_path)]
    report = bench.run(bench.parser().parse_args(arguments), tmp_path, Local)
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8")) == report
    assert [result["problem"] for result in report["results"]] == list(few)
    for result in report["results"]:
        assert result.keys() == FIELDS
        assert all(value > 0 for name, value in result.items() if name not in ("problem", "peak_fraction"))
    environment = report["environment"]
    assert environment["matmul_gflops"].keys() == {"float32", "bfloat16"}
    assert environment["peak_of"] in environment["matmul_gflops"]
    assert environment["data"] == str(folder)
    assert report["start_s"].keys() == {"python", "import hwlib", "hw --help"}
    rows = report["scaling"]
    assert [(row["images"] // rows[0]["images"], row["epochs"]) for row in rows] == list(GRID)
    assert {1, 2, 4} <= {row["images"] // rows[0]["images"] for row in rows}
    assert report["memory"]["uint8_data_mb"] == round(9 * 28 * 28 * (1 + 3) / 1e6, 1)
    shown = capsys.readouterr().out
    assert all(name in shown for name in few)
    assert "of linear" in shown


def test_summary_is_arithmetic_of_medians():
    rounds = {"ours": [9.0, 10.0, 30.0], "reference": [4.0, 5.0, 6.0]}
    assert bench.summary("dann", 128, 1000, 2e6, 1e12, rounds, 3_000_000) == {
        "problem": "dann",
        "images_per_s": 2560.0,
        "reference_images_per_s": 1280.0,
        "ratio": 2.0,
        "gflops": 5.12,
        "peak_fraction": 0.0051,
        "peak_memory_mb": 3.0,
        "epoch_s": 0.8,  # eight steps
    }
    assert bench.summary("vae", 128, 1280, 2e6, 1e12, rounds, 0)["epoch_s"] == 1.0


def test_flops_of_dann_agree_with_a_count_by_hand():
    # Multiply-adds for one image: outputs of a layer times its inputs for each of them.
    conv1, conv2 = 24 * 24 * 64 * (3 * 5 * 5), 8 * 8 * 50 * (64 * 5 * 5)
    digit, domain = 800 * 100 + 100 * 100 + 100 * 10, 800 * 100 + 100 * 2
    # A pass forwards, one for the gradient of the weights, one for that of the input, which the first layer lacks.
    # The digit's loss sees source images alone; target images pass that head forwards only.
    macs = 2 * conv1 + 3 * conv2 + 3 * domain + (3 * digit + digit) / 2
    assert flops_per_image("dann") == pytest.approx(2 * macs, rel=0.02)
    assert flops_per_image("dann") == pytest.approx(43e6, rel=0.02)


def test_counted_operations_leave_out_what_the_reference_wastes():
    from torch.utils.flop_counter import FlopCounterMode

    training = plain.build("gan", torch.device("meta"))
    with FlopCounterMode(display=False) as counter:
        training.step(torch.empty(2, 3, 64, 64, device="meta"))
    assert flops_per_image("gan") < counter.get_total_flops() / 2


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("vae", 3_513_094), ("gan", 3_576_704 + 2_765_696), ("dann", 257_254), ("dann_resnet34", 24_289_446)],
)
def test_reference_networks_are_the_printed_ones_in_plain_layers(name, parameters):
    network = plain.build(name, torch.device("cpu")).network
    assert parameter_count(network) == parameters
    leaves = [module for module in network.modules() if not list(module.children())]
    assert {type(leaf).__module__.partition(".nn.")[0] for leaf in leaves} == {"torch"}
    sequences = [m for m in network.modules() if list(m.children()) and "torchvision" not in type(m).__module__]
    assert {type(sequence) for sequence in sequences} <= {torch.nn.Sequential, torch.nn.ModuleList}
    assert all(parameter.is_contiguous() for parameter in network.parameters())


def test_the_reference_reads_the_same_images(folder):
    from hwlib.data import open_source

    source = open_source(str(folder), "digits")
    for name in ("usps", "mnistm"):
        ours, read = source.digits(name, "train"), Folder(folder / "digits" / name)
        images = torch.stack([read[i][0] for i in range(len(read))])
        torch.testing.assert_close(images, normalise(ours.images).contiguous(), atol=1e-6, rtol=0)
        assert [read[i][1] for i in range(len(read))] == ours.labels.tolist()


def test_full_profile_takes_the_steps_that_the_budgets_say():
    steps = {training.name: (training.kind, training.plan.steps) for training in full.trainings()}
    budgets = {problem: config.budget("full", "dann_resnet34") for problem, config in CONFIGS.items()}

    def expected(problem, longest):
        return budgets[problem]["epochs"] * math.ceil(longest / budgets[problem]["batch_size"])

    wanted = {"p1 vae face": ("vae", expected("p1", 40000)), "p2 gan face": ("gan", expected("p2", 40000))}
    for source, target in SCENARIOS:
        longest = max(full.SIZES[source], full.SIZES[target])
        for kind in ("source_only", "dann", "target_only"):
            wanted[f"p3 {kind} {source}-{target}"] = (kind, expected("p3", longest))
        wanted[f"p4 dann_resnet34 {source}-{target}"] = ("dann_resnet34", expected("p4", longest))
    assert len(wanted) == 2 + 9 + 3
    assert steps == wanted


def small(kind, **values):
    """The first training of this kind in the full profile, with batches of four."""
    training = next(each for each in full.trainings() if each.kind == kind)
    return dataclasses.replace(training, config=dataclasses.replace(training.config, batch_size=4, **values))


@pytest.mark.parametrize("kind", ["vae", "gan", "source_only", "dann", "target_only"])
def test_projection_of_a_training(kind):
    training = small(kind)
    row = full.project(training, choose("cpu"), 0.01, dict.fromkeys(full.SIZES, 16))
    assert row["steps"] == training.plan.steps
    assert row["seconds"] == pytest.approx(row["setup_s"] + row["steps"] * row["step_s"], rel=0.01)
    report = {"trainings": [row], "measured": False, "total_s": row["seconds"], "goal_s": full.GOAL}
    assert training.name in "\n".join(show.full_lines(report))


def test_a_training_of_the_full_profile_really_runs():
    training = small("dann", epochs=None, steps=2)
    row = full.really_run(training, choose("cpu"), dict.fromkeys(full.SIZES, 16))
    assert row["steps"] == 2
    assert row["setup_s"] is None


def test_bad_data_is_one_clear_line(tmp_path, capfd):
    missing = tmp_path / "nothing"
    assert bench.main([str(missing), "--only", "dann"]) == 2
    captured = capfd.readouterr()
    assert captured.err.startswith(f"bench: data: {missing} does not exist")
    assert captured.err.count("\n") == 1


def test_a_worker_answers_errors_and_goes_on():
    with Worker() as process:
        for action in ("nonsense", "sense"):
            with pytest.raises(WorkbookError, match=f"^AttributeError: .*{action}"):
                process.ask(action)
