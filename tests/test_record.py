"""Runs are written whole or not at all, and read back as they were."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.record import Record, records
from hwlib.run import Run

SETS = [{"name": "usps", "split": "train", "count": 3, "sha256": "0" * 64, "stand_in": True}]


def make_run(tmp_path, **params):
    config = read("p3", {"profile": "smoke", "runs": str(tmp_path)} | params)
    return Run(config, "sample", SETS, {"torch": "2", "device": "cpu", "threads": 1})


def finished(tmp_path, value=1.0):
    run = make_run(tmp_path)
    run.add_training("source_only", [{"step": 1, "epoch": 0.5, "class_loss": 2.0}], 1.5)
    run.add_training("dann", [{"step": 1, "epoch": 0.5, "class_loss": 1.0, "domain_loss": 0.7}], 0.5)
    run.save_metrics(accuracy={"dann": torch.tensor(value)})
    run.save_metrics(accuracy={"source_only": 2.0}, table=np.array([1.0, 2.0]))
    run.save_arrays(points=torch.arange(4.0), labels=np.arange(3))
    run.save_metrics(source_accuracy={"dann": 3.0}, proxy_a_distance={"after": 0.5})
    run.save_arrays(tsne=np.zeros((2, 2)), tsne_labels=np.zeros(2), tsne_domain=np.zeros(2))
    run.save_arrays(tsne_before=np.zeros((2, 2)), wrong_images=np.zeros((0, 3, 28, 28)))
    run.save_weights(torch.nn.Linear(2, 1), "dann")
    return run.finish()


def test_record_has_the_documented_form(tmp_path):
    record = finished(tmp_path)
    assert record.folder == tmp_path / "p3_usps_mnistm_s0"
    run = json.loads((record.folder / "run.json").read_text())
    assert {
        "schema",
        "problem",
        "params",
        "profile",
        "seed",
        "selection",
        "data",
        "metrics",
        "environment",
        "seconds",
    } <= (run.keys())
    assert (run["schema"], run["problem"], run["profile"], run["selection"]) == (1, "p3", "smoke", "last")
    assert run["data"] == {"kind": "sample", "sets": SETS}
    assert run["metrics"] == {
        "accuracy": {"dann": 1.0, "source_only": 2.0},
        "table": [1.0, 2.0],
        "source_accuracy": {"dann": 3.0},
        "proxy_a_distance": {"after": 0.5},
    }
    assert {"python", "torch", "device", "threads", "revision"} <= run["environment"].keys()
    assert run["seconds"]["train"] == 2.0
    assert run["seconds"].keys() == {"train", "evaluate", "total"}


def test_record_reads_back(tmp_path):
    record = Record.load(finished(tmp_path).folder)
    assert record.arrays["points"].tolist() == [0, 1, 2, 3]
    assert record.history["model"].tolist() == ["source_only", "dann"]
    np.testing.assert_array_equal(record.history["domain_loss"], [np.nan, 0.7])
    assert record.weights("dann")["weight"].shape == (1, 2)
    assert record.title("usps") == "usps (stand-in)"
    with pytest.raises(WorkbookError, match=r"none\.safetensors: no such weights"):
        record.weights("none")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, None])
def test_damaged_weights_are_one_line(tmp_path, content):
    record = finished(tmp_path)
    path = record.folder / "dann.safetensors"
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    with pytest.raises(WorkbookError, match=r"dann\.safetensors: the weights cannot be read .*--force") as error:
        record.weights("dann")
    assert "\n" not in str(error.value)


def test_record_on_the_way_reads_like_the_finished_one(tmp_path):
    run = make_run(tmp_path)
    run.add_training("dann", [{"step": 9, "epoch": 9.0, "class_loss": 7.0}], 99)
    run.add_training("dann", [{"step": 1, "epoch": 0.5, "class_loss": 2.0}], 1.5)  # a cell run again
    run.save_arrays(points=np.arange(2))
    record = run.record()
    assert record.history["class_loss"].tolist() == [2.0]
    assert record.arrays["points"].tolist() == [0, 1]
    assert record.params == run.config.params()
    assert record.run["seconds"]["train"] == 1.5


def test_a_finished_run_is_not_changed_any_more(tmp_path):
    finished(tmp_path)
    run = make_run(tmp_path)
    shutil.rmtree(run.partial)  # what `finish` leaves
    for change in (lambda: run.save_weights(torch.nn.Linear(2, 1)), run.finish, run.check_open):
        with pytest.raises(
            WorkbookError, match=r"^p3_usps_mnistm_s0: this run is finished; run the cell that starts it"
        ):
            change()


def test_a_run_with_cells_left_out_is_not_finished(tmp_path):
    finished(tmp_path)
    run = make_run(tmp_path)
    with pytest.raises(WorkbookError, match=r"^p3_usps_mnistm_s0: not finished, accuracy, .* missing; run the cells"):
        run.finish()
    assert Record.load(tmp_path / "p3_usps_mnistm_s0").metrics["accuracy"]["dann"] == 1.0


def test_two_processes_do_not_make_the_same_run(tmp_path):
    code = f"""
from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.run import Run
try:
    Run(read("p3", {{"profile": "smoke", "runs": {str(tmp_path)!r}}}), "sample", [], {{}})
except WorkbookError as error:
    print(error)
"""
    ours = make_run(tmp_path)
    make_run(tmp_path)  # the same process may start over, as a person in Lab does
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert out.startswith(f"p3_usps_mnistm_s0: process {os.getpid()} is making this run already")
    assert ours.partial.is_dir()
    finished(tmp_path)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert out == ""


def test_new_run_replaces_the_old_one_only_when_it_is_whole(tmp_path):
    finished(tmp_path, 1.0)
    halfway = make_run(tmp_path)
    halfway.save_metrics(accuracy={"dann": 9.0})
    assert [r.metrics["accuracy"]["dann"] for r in records(tmp_path)] == [1.0]
    finished(tmp_path, 5.0)
    assert [r.metrics["accuracy"]["dann"] for r in records(tmp_path)] == [5.0]
    assert Record.load(tmp_path / "p3_usps_mnistm_s0.previous").metrics["accuracy"]["dann"] == 1.0
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {
        "p3_usps_mnistm_s0",
        "p3_usps_mnistm_s0.previous",
    }


def test_not_a_number_never_reaches_a_record(tmp_path):
    run = make_run(tmp_path)
    run.add_training("dann", [{"step": 1}], 1)
    run.save_metrics(accuracy={"dann": float("nan")}, source_accuracy={}, proxy_a_distance={})
    run.save_arrays(tsne=[], tsne_labels=[], tsne_domain=[], tsne_before=[], wrong_images=[])
    with pytest.raises(ValueError, match="JSON compliant"):
        run.finish()
    assert list(records(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 0}', '{"schema": 99}'])
def test_unreadable_record_is_one_line_and_left_out_of_the_list(tmp_path, text):
    folder = finished(tmp_path).folder
    (folder / "run.json").write_text(text)
    with pytest.raises(WorkbookError, match=r"run\.json: .*--force") as error:
        Record.load(folder)
    assert "\n" not in str(error.value)
    assert list(records(tmp_path)) == []


def test_missing_record(tmp_path):
    with pytest.raises(WorkbookError, match="no finished run here"):
        Record.load(tmp_path / "nowhere")
