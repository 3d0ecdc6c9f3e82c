"""Bad input at the command line: one clear line, a status that is not zero, and no traceback."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from hwlib.cli import main
from hwlib.config import CONFIGS
from hwlib.models import DANN
from hwlib.runner import plan


def run(capsys, *arguments):
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run p3 -p scr usps", "hw: scr: p3 has no such parameter"),
        ("run all -p scr usps", "hw: scr: p1 has no such parameter"),
        ("run p3 -p src uspz", "hw: src: there is no digit set 'uspz' here; there are mnistm, svhn, usps"),
        ("run p3 -p src usps -p tgt usps", "hw: tgt: 'usps' is also the source"),
        ("run p1 -p epochs -1", "hw: epochs: -1 is too small"),
        ("run p1 -p epochs ten", "hw: epochs: 'ten' is not a whole number"),
        ("run p1 -p data /nowhere", "hw: data: /nowhere"),
        ("run p1 -p profile enormous", "hw: profile: 'enormous' is not one of"),
        ("run p1 -p device cuda:77", "hw: device: 'cuda:77' is not here"),
        ("run p1 -p seed 1 --seeds 2 3", "hw: seed: given together with --seeds"),
        ("run p1 -p lr 1 -p lr 2", "hw: lr: given twice"),
        ("run all -p src usps", "hw: src: `all` runs the three scenarios"),
        ("run p1 --seeds one", "hw: seed: 'one' is not a whole number"),
    ],
)
def test_bad_parameters(capsys, tmp_path, arguments, message):
    status, err = run(capsys, *arguments.split(), "--runs", str(tmp_path))
    assert status == 2
    assert err.startswith(message)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", ["", "walk", "run p9", "run p1 -p epochs", "predict --run a --images b", "predict --run a --out c"]
)
def test_bad_usage(capsys, arguments):
    status, err = run(capsys, *arguments.split())
    assert status == 2
    assert "usage: hw" in err


def test_runs_folder_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    status, err = run(capsys, "run", "p1", "-p", "profile", "smoke", "--runs", str(tmp_path / "file" / "runs"))
    assert (status, err.count("\n")) in ((1, 0), (2, 1))


def test_report_of_no_folder_and_of_an_empty_one(capsys, tmp_path):
    status, err = run(capsys, "report", "--runs", str(tmp_path / "typo"), "--out", str(tmp_path / "out"), "--no-pdf")
    assert status == 2
    assert "typo is no folder" in err
    assert not (tmp_path / "out").exists()


def kept(folder):
    """A record of problem 3 as it may be published: a network of random weights and the least of `run.json`."""
    torch.manual_seed(0)
    folder.mkdir()
    save_file(DANN().state_dict(), folder / "dann.safetensors")
    run = {"schema": 1, "id": "p3_usps_mnistm_s0", "problem": "p3", "params": {}}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def test_predict_writes_a_csv_and_says_so_in_one_line(capsys, tmp_path):
    (tmp_path / "digits").mkdir()
    for name in ("b.png", "a.png"):
        Image.new("L", (28, 28), 90).save(tmp_path / "digits" / name)
    run, images, out = kept(tmp_path / "run"), tmp_path / "digits", tmp_path / "out.csv"
    assert main(["predict", "--run", str(run), "--images", str(images), "--out", str(out), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"2 images named by dann of p3_usps_mnistm_s0 (profile ?) on cpu: {out}\n", "")
    assert re.fullmatch(r"image_name,label\na\.png,(\d)\nb\.png,\1\n", out.read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--run": "nowhere"}, "hw: nowhere: no finished run here"),
        ({"--images": "nowhere"}, "hw: nowhere: cannot be listed (No such file or directory); give a folder of"),
        ({"--images": "run"}, "hw: run/dann.safetensors: is no image in a format allowed here (PNG)"),
        ({"--out": "nowhere/out.csv"}, "hw: out: nowhere is no folder; make it first"),
        ({"--model": "target_only"}, "hw: run/target_only.safetensors: no such weights in this run; run it again"),
        ({"--model": "vae"}, "hw: model: 'vae' is not in run; a run of p3 has dann, source_only, target_only"),
        ({"--device": "gpu"}, "hw: device: 'gpu' is not one of auto, cpu"),
    ],
)
def test_bad_predict(capsys, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    kept(tmp_path / "run")
    (tmp_path / "digits").mkdir()
    Image.new("L", (28, 28)).save(tmp_path / "digits/a.png")
    options = {"--run": "run", "--images": "digits", "--out": "out.csv"} | change
    status, err = run(capsys, "predict", *(word for pair in options.items() for word in pair))
    assert status == 2
    assert err.startswith(message)
    assert err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"run", "digits"}


def test_everything_takes_a_parameter_to_where_it_means_something():
    configs = plan("all", {"profile": "smoke", "augment": "none"})
    assert [(c.problem, c.augment) for c in configs[2:]] == [("p3", "none")] * 3 + [("p4", "mild")] * 3
    configs = plan("all", {"profile": "smoke", "augment": "none", "method": "dann_resnet34"})
    assert [c.augment for c in configs[2:]] == ["none"] * 6


def test_plan_of_everything():
    ids = [config.run_id for config in plan("all", {"profile": "smoke"})]
    assert ids == [
        "p1_s0",
        "p2_s0",
        "p3_usps_mnistm_s0",
        "p3_mnistm_svhn_s0",
        "p3_svhn_usps_s0",
        "p4_usps_mnistm_adamatch_s0",
        "p4_mnistm_svhn_adamatch_s0",
        "p4_svhn_usps_adamatch_s0",
    ]


def test_plan_of_seeds_and_of_parameters_that_only_some_have():
    configs = plan("all", {"profile": "smoke", "kl_weight": "2"}, ["0", "1"])
    assert len(configs) == 16
    assert {config.kl_weight for config in configs if config.problem == "p1"} == {2.0}


def test_the_same_seed_twice_is_one_run():
    assert len(plan("p1", {"profile": "smoke"}, ["3", "3"])) == 1


def test_who_has_read_enough_gets_no_traceback():
    """As `hw data cache | head -0`: the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from hwlib.cli import main; sys.exit(main(['data', 'cache']))"
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, timeout=120)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


COMMANDS = ["run", "report", "predict", "score", "sample", "reference", "ablation", "data"]
ACTIONS = ["info", "fetch", "check", "export", "cache"]


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + [["data", name] for name in ACTIONS])
def test_help_of_every_command_says_what_it_does(command, capsys):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    before, _, _ = capsys.readouterr().out.partition("\noptions:")
    after_usage = before.split("\n\n")[1]
    assert after_usage[0].isupper()
    assert after_usage.rstrip().endswith(".")


def test_help_of_run_names_every_parameter_of_every_problem(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = capsys.readouterr().out
    assert "papermill --help-notebook" in said
    assert "also in place of a finished run of other settings" in " ".join(said.split())
    own = said.partition("parameters, each")[2]
    for cls in CONFIGS.values():
        assert {field.name for field in dataclasses.fields(cls)} <= set(re.findall(r"\w+", own))
