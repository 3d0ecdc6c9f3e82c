"""Bad input at the command line: one clear line, a status that is not zero, and no traceback."""

import pytest

from hwlib.cli import main
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


@pytest.mark.parametrize("arguments", ["", "walk", "run p9", "run p1 -p epochs"])
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
