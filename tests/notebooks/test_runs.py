"""The notebooks run the ways people run them: papermill as the shell has it, nbclient as Lab does, and `hw`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from hwlib.cli import main
from hwlib.paths import NOTEBOOKS, ROOT
from hwlib.record import Record

ENVIRONMENT = os.environ | {"HW_PROFILE": "smoke", "HW_PROGRESS": "lines"}


def papermill(*arguments, cwd=ROOT, **options):
    return subprocess.run(
        [sys.executable, "-m", "papermill", *map(str, arguments)],
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def outputs(notebook, kind):
    return [o for cell in notebook.cells for o in cell.get("outputs", ()) if kind in o.get("data", {})]


@pytest.mark.parametrize("where", ["root", "elsewhere"])
def test_the_literal_papermill_command(where, tmp_path):
    """`papermill notebooks/p3_dann.ipynb -p src usps -p tgt mnistm` without a terminal prints the executed notebook."""
    path = "notebooks/p3_dann.ipynb" if where == "root" else NOTEBOOKS / "p3_dann.ipynb"
    runs = tmp_path / "runs"
    result = papermill(
        path, "-p", "src", "usps", "-p", "tgt", "mnistm", "-p", "runs", runs, cwd=ROOT if where == "root" else tmp_path
    )
    assert result.returncode == 0, result.stderr
    notebook = nbformat.reads(result.stdout, as_version=4)
    nbformat.validate(notebook)
    assert len(outputs(notebook, "image/png")) == 5 + 1  # the last one is the explorer, as it shows where nobody plays
    assert not outputs(notebook, "application/vnd.jupyter.widget-view+json")
    record = Record.load(runs / "p3_usps_mnistm_s0")
    assert record.metrics["accuracy"].keys() == {"source_only", "dann", "target_only"}
    assert {path.stem for path in record.folder.glob("*.safetensors")} == record.metrics["accuracy"].keys()
    assert {path.name for path in (runs / "figures").iterdir()} == {
        f"{name}_usps_mnistm.png" for name in ("fig3_0", "fig3_1b", "fig3_1c", "fig3_4", "fig3_4b")
    }
    # Labels were joined to what was kept on the way; its last step is the one that is reported.
    for name, percent in record.metrics["accuracy"].items():
        assert record.arrays[f"target_accuracy_{name}"][-1] == pytest.approx(percent)
    assert record.metrics["oracle"]["dann"] == record.arrays["target_accuracy_dann"].max()
    assert record.metrics["proxy_a_distance"].keys() == {"before", "after"}


def test_papermill_with_an_output_path_of_ones_own(tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "mine.ipynb"
    result = papermill(NOTEBOOKS / "p4_uda.ipynb", out, "-p", "src", "svhn", "-p", "tgt", "usps", "-p", "runs", runs)
    assert result.returncode == 0, result.stderr
    nbformat.validate(nbformat.read(out, as_version=4))
    record = Record.load(runs / "p4_svhn_usps_adamatch_s0")
    assert [path.name for path in record.folder.glob("*.safetensors")] == ["model.safetensors"]
    (cell,) = [c for c in nbformat.read(out, as_version=4).cells if "record" in c.metadata.get("tags", ())]
    shown = cell.outputs[0]["data"]
    assert shown["text/plain"] == repr(record)
    assert json.dumps(record.metrics["accuracy"]).replace('"', "&quot;") in shown["text/html"]
    assert record.metrics["accuracy"].keys() == {"adamatch"}
    assert record.params["method"] == "adamatch"
    assert record.params["weights"] == "none"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("-p scr usps", "scr: p3 has no such parameter"),
        ("-p src uspz", "src: there is no digit set 'uspz' here; there are mnistm, svhn, usps"),
        ("-p src usps -p tgt usps", "tgt: 'usps' is also the source"),
    ],
)
def test_papermill_fails_on_bad_parameters_with_one_clear_line(parameters, message, tmp_path):
    result = papermill(NOTEBOOKS / "p3_dann.ipynb", tmp_path / "out.ipynb", "-p", "runs", tmp_path, *parameters.split())
    assert result.returncode != 0
    last = [line for line in result.stderr.splitlines() if line.strip()][-1]
    assert last.startswith(f"WorkbookError: {message}")
    assert not list(tmp_path.glob("p3*"))


@pytest.mark.parametrize("name", ["p1_vae", "p2_gan"])
def test_lab_runs_a_notebook_from_its_own_folder(name, tmp_path):
    """What Lab does: nbclient, the notebook's folder as working directory, no papermill, nothing injected."""
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.tags)
    parameters.source = parameters.source.replace('runs: str = "runs"', f"runs: str = {str(tmp_path)!r}")
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}})
    client.execute(env=ENVIRONMENT)
    problem = name[:2]
    record = Record.load(tmp_path / f"{problem}_s0")
    wanted = {
        "p1": {"test_mse", "test_kl", "table_mse"},
        "p2": {"discriminator_real", "discriminator_fake", "seconds_per_epoch"},
    }
    assert wanted[problem] <= record.metrics.keys()
    if problem == "p1":
        assert len(record.metrics["table_mse"]) == 10
    assert record.arrays["faces"].shape == (32, 3, 64, 64)
    assert (record.folder / "model.safetensors").is_file()
    pictures = outputs(notebook, "image/png")
    assert pictures
    assert all(picture["metadata"]["image/png"]["alt"] for picture in pictures)


def test_hw_run_skips_what_is_unchanged_repeats_what_is_forced_and_gives_the_same_bits(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("HW_PROFILE", "smoke")
    command = ["run", "p2", "--runs", str(tmp_path), "-p", "data", "sample", "-p", "steps", "2"]
    assert main(command) == 0
    first = Record.load(tmp_path / "p2_s0")
    assert (tmp_path / "p2_s0" / "notebook.ipynb").is_file()
    assert main(command) == 0
    assert "unchanged" in capfd.readouterr().out
    assert Record.load(tmp_path / "p2_s0").run == first.run
    assert main([*command, "--force"]) == 0
    second = Record.load(tmp_path / "p2_s0")
    assert second.run["finished"] >= first.run["finished"]
    assert (second.arrays["faces"] == first.arrays["faces"]).all()
    assert second.metrics["frechet_distance"] == first.metrics["frechet_distance"]


def test_a_finished_run_is_not_replaced_and_papermill_shows_it_without_training(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("HW_PROFILE", "smoke")
    command = ["run", "p3", "--runs", str(tmp_path), "-p", "data", "sample"]
    assert main([*command, "-p", "steps", "2"]) == 0
    folder = tmp_path / "p3_usps_mnistm_s0"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    capfd.readouterr()
    assert main(command) == 1
    line = next(line for line in capfd.readouterr().out.splitlines() if "NOT RUN" in line)
    assert "steps was 2 and is 6" in line
    assert "--force" in line
    assert "-p name NAME" in line
    arguments = ("-p", "runs", tmp_path, "-p", "data", "sample")
    result = papermill(NOTEBOOKS / "p3_dann.ipynb", *arguments)
    assert result.returncode != 0
    assert "steps was 2 and is 6" in result.stderr.strip().splitlines()[-1]
    result = papermill(NOTEBOOKS / "p3_dann.ipynb", *arguments, "-p", "steps", "2")
    assert result.returncode == 0, result.stderr
    notebook = nbformat.reads(result.stdout, as_version=4)
    told = "".join(o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", ()))
    assert "unchanged; shown, not trained again" in told
    assert "step 1" not in told
    assert len(outputs(notebook, "image/png")) == 5 + 1
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert main([*command, "-p", "steps", "3", "-p", "name", "three"]) == 0
    assert main([*command, "--force"]) == 0
    assert Record.load(folder).params["steps"] == 6
    assert Record.load(folder.with_name(f"{folder.name}.previous")).params["steps"] == 2
    assert Record.load(tmp_path / "p3_usps_mnistm_three_s0").params["steps"] == 3


def test_a_failed_run_does_not_stop_the_others_and_the_status_says_so(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("HW_PROFILE", "smoke")
    data = tmp_path / "data"
    make_course(data)
    (data / "digits" / "usps" / "train.csv").write_text("image_name,label\n00000.png,10\n")
    runs = tmp_path / "runs"
    status = main(
        ["run", "all", "--runs", str(runs), "-p", "data", str(data), "-p", "steps", "1", "-p", "batch_size", "4"]
    )
    out = capfd.readouterr().out
    assert status == 1
    failed = [line for line in out.splitlines() if "FAILED" in line]
    assert [line.split("]")[1].split(":")[0].strip() for line in failed] == [
        "p3_usps_mnistm_s0",
        "p3_svhn_usps_s0",
        "p4_usps_mnistm_adamatch_s0",
        "p4_svhn_usps_adamatch_s0",
    ]
    assert all("train.csv" in line and "2" in line and "10" in line for line in failed)
    assert {path.name for path in runs.glob("*/run.json") for path in [path.parent]} == {
        "p1_s0",
        "p2_s0",
        "p3_mnistm_svhn_s0",
        "p4_mnistm_svhn_adamatch_s0",
    }
    assert len(list(runs.glob("*.failed.ipynb"))) == 4


def make_course(root: Path, count=40):
    """A course folder of noise, large enough for every cell of every notebook."""
    import numpy as np
    from PIL import Image

    from hwlib.names import ATTRIBUTES

    rng = np.random.default_rng(0)
    parts = [(f"digits/{name}", 28, ["label"]) for name in ("usps", "mnistm", "svhn")] + [
        ("face", 64, list(ATTRIBUTES))
    ]
    for part, size, columns in parts:
        for split in ("train", "test"):
            (root / part / split).mkdir(parents=True)
            rows = [["image_name", *columns]]
            for i in range(count):
                name = f"{i:05d}.png"
                pixels = rng.integers(0, 256, (size, size, 3), np.uint8)
                Image.fromarray(pixels).save(root / part / split / name)
                rows.append([name, *([i % 10] if columns == ["label"] else [float((i + j) % 2) for j in range(13)])])
            (root / part / f"{split}.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")


def test_an_ablated_run_goes_through_its_whole_notebook(tmp_path):
    """`hw ablation` needs that; each table of the notebook then says what was left out."""
    where = ["--runs", str(tmp_path), "-p", "data", "sample", "-p", "profile", "smoke"]
    pair = ["-p", "src", "svhn", "-p", "tgt", "usps"]
    assert main(["run", "p4", *where, *pair, "-p", "method", "adamatch", "-p", "without", "teacher"]) == 0
    notebook = nbformat.read(tmp_path / "p4_svhn_usps_adamatch_without_teacher_s0" / "notebook.ipynb", as_version=4)
    tables = [o["data"]["text/html"] for o in outputs(notebook, "text/html") if "<caption>" in o["data"]["text/html"]]
    assert len(tables) == 2
    assert all("ablation, left out: the mean teacher" in table for table in tables)
