"""The reference results: which runs, in which order, what counts as made, and what is kept of them."""

import dataclasses
import json
import signal

import numpy as np
import pytest
import reference_runs
from made_runs import Runs
from reference_runs import PAIRS, images, written

from hwlib import ledger, reference, runner
from hwlib.cli import main
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT
from hwlib.record import Record
from hwlib.report.reference import MARKERS, markdown


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Ledger and README in a folder of their own, and real images that are only said to be there."""
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{MARKERS[0]}\nold\n{MARKERS[1]}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "reference")
    monkeypatch.setattr(reference, "README", readme)
    monkeypatch.setattr(reference, "images", lambda: images)
    monkeypatch.setattr(reference, "are_real", lambda configs: True)
    monkeypatch.setattr("hwlib.data.open_data", lambda config: None)
    return tmp_path


@pytest.fixture
def runs(place):
    return Runs(place / "runs")


@pytest.fixture
def configs(runs):
    return reference.matrix("cpu", runs=str(runs.folder))


@pytest.fixture
def executed(runs, monkeypatch):
    """Stands in for the training: writes the record at once, and lists what it made."""
    made = []

    def execute(config, interruption):
        made.append(config.run_id)
        return Record.load(written(runs, config, gain=config.seed, day=21))

    monkeypatch.setattr(runner, "execute", execute)
    return made


def book(place):
    return ledger.read(place / "reference")


def test_matrix_is_seed_by_seed_with_the_method_chosen_beforehand(configs):
    ids = [config.run_id for config in configs]
    assert len(set(ids)) == 18
    assert ids[:3] == ["p3_usps_mnistm_s0", "p4_usps_mnistm_adamatch_s0", "p3_mnistm_svhn_s0"]
    assert [config.seed for config in configs] == [0] * 6 + [1] * 6 + [2] * 6
    assert {(config.src, config.tgt) for config in configs} == set(PAIRS)
    only = reference.matrix("cpu", "p4", "dann_resnet34")
    assert {config.run_id[-16:] for config in only} == {f"dann_resnet34_s{seed}" for seed in range(3)}


@pytest.mark.parametrize(("cuda", "profile"), [(True, "full"), (False, "cpu")])
def test_profile_is_that_of_the_hardware_whatever_the_shell_says(cuda, profile, monkeypatch):
    monkeypatch.setenv("HW_PROFILE", "smoke")
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    assert reference.best_profile() == profile


def test_everything_is_made_once_and_the_ledger_is_complete(place, configs, executed):
    assert reference.make(configs) == 0
    assert executed == [config.run_id for config in configs]
    found = book(place)
    assert len(found["results"]) == 12
    assert found["incomplete"] == []
    first = next(e for e in found["results"] if e["model"] == "adamatch" and e["src"] == "usps")
    assert (first["seeds"], first["accuracy"], first["mean"], first["sd"]) == ([0, 1, 2], [70, 71, 72], 71, 1)
    assert first["oracle_not_a_result"]["mean"] == 72.5
    assert first["command"] == "hw run p4 -p profile cpu -p src usps -p tgt mnistm -p method adamatch --seeds 0 1 2"
    assert [run["images"] for run in first["runs"]] == [configs[1].steps * configs[1].batch_size * 2] * 3
    assert first["runs"][0]["revision"] == reference_runs.ENVIRONMENT["revision"]
    alone = next(e for e in found["results"] if e["model"] == "target_only")
    assert alone["runs"][0]["images"] == configs[0].steps * configs[0].batch_size
    assert "oracle_not_a_result" not in alone
    executed.clear()
    assert reference.make(configs) == 0
    assert executed == []


def test_a_stopped_command_goes_on_where_it_stopped(place, configs, executed, monkeypatch):
    make = runner.execute

    def stopped(config, interruption):
        if len(executed) == 4:
            raise runner.Interrupted(signal.SIGTERM, "stopped")
        return make(config, interruption)

    monkeypatch.setattr(runner, "execute", stopped)
    with pytest.raises(runner.Interrupted):
        reference.make(configs)
    assert {entry["model"] for entry in book(place)["incomplete"]} == set(reference_runs.VALUES)
    monkeypatch.setattr(runner, "execute", make)
    assert reference.make(configs) == 0
    assert executed == [config.run_id for config in configs]  # each once


def test_changed_sources_do_not_count_but_parameters_images_and_force_do(place, runs, configs, executed):
    config = configs[0]
    path = written(runs, config)
    assert reference.there(config, images)["revision"] == "0123456789ab"  # its fingerprint is of no source there is
    assert reference.there(dataclasses.replace(config, steps=17), images) is None
    assert reference.there(config, lambda c: ledger.described(reference_runs.sets(PAIRS[0], "cd"))) is None
    assert reference.make(configs[:1]) == 0
    assert executed == []
    assert reference.make(configs[:1], force=True) == 0
    assert executed == [config.run_id]
    (path / "model.safetensors").unlink()
    (place / "reference" / "results.json").unlink()
    assert reference.there(config, images) is None  # a record without weights is not whole


def test_a_run_whose_record_is_gone_counts_when_the_ledger_has_it(place, runs, configs):
    p3, p4 = configs[:2]
    for config in (p3, p4):
        path = written(runs, config)
        reference.update(runs.folder)
        for file in path.iterdir():
            file.unlink()
    assert reference.there(p3, images)
    assert reference.there(p4, images)
    (place / "reference" / "usps_mnistm" / "run.json").unlink()
    assert reference.there(p4, images) is None  # its weights are wanted too
    assert reference.there(p3, lambda c: []) is None


def test_a_parameter_that_is_younger_than_the_ledger_has_its_default_in_it(place, runs, configs):
    written(runs, configs[0])
    reference.update(runs.folder)
    path = place / "reference" / "results.json"
    found = json.loads(path.read_text())
    for entry in found["incomplete"]:
        del entry["parameters"]["reversal"]
    path.write_text(json.dumps(found))
    (runs.folder / configs[0].run_id / "run.json").unlink()
    assert reference.there(configs[0], images)
    assert reference.there(dataclasses.replace(configs[0], reversal=0.5), images) is None


def test_what_does_not_belong_is_not_taken(place, runs, configs):
    stand_in = [s | {"stand_in": True} for s in reference_runs.sets(PAIRS[0])]
    written(runs, configs[0], data={"kind": "sample", "sets": stand_in})
    written(runs, configs[2], data={"kind": "course", "sets": stand_in})
    written(runs, configs[3], data={"kind": "fetched", "sets": stand_in})
    written(runs, dataclasses.replace(configs[4], lr=0.5))
    written(runs, dataclasses.replace(configs[6], seed=7))
    written(runs, reference.matrix("smoke", "p4")[0])
    found = reference.update(runs.folder)
    assert found["results"] == found["incomplete"] == []


def test_an_incomplete_result_does_not_replace_a_complete_one(place, runs, configs):
    mine = [config for config in configs if config.problem == "p4" and config.src == "svhn"]
    for config in mine:
        written(runs, config, gain=config.seed)
    reference.update(runs.folder)
    written(runs, mine[0], gain=9, day=22, sha="cd")  # other images: no mean with the others
    found = reference.update(runs.folder)
    assert [e["accuracy"] for e in found["results"]] == [[70, 71, 72]]
    assert [(e["seeds"], e["accuracy"]) for e in found["incomplete"]] == [([0], [79])]
    for config in mine[1:]:
        written(runs, config, gain=9, day=23, sha="cd")
    found = reference.update(runs.folder)
    assert [e["accuracy"] for e in found["results"]] == [[79, 79, 79]]
    assert found["incomplete"] == []
    written(runs, mine[1], gain=1, day=10, sha="ef")
    assert reference.update(runs.folder) == found  # older than what is complete


def test_ledgers_of_other_days_are_merged_and_the_ablation_is_kept(place, runs, configs):
    ablation = {
        "without": "x",
        "src": "usps",
        "tgt": "mnistm",
        "steps": 600,
        "seeds": [0],
        "values": [50.0],
        "mean": 50.0,
        "sd": None,
        "runs": [{"seed": 0, "parameters": {}, "sets": [], "finished": "2026-01-01T00:00:00+00:00"}],
    }
    ledger.write(ledger.empty() | {"ablation": [ablation]}, place / "reference")
    for config in (c for c in configs if c.run_id.startswith("p3_usps")):
        path = written(runs, config)
        reference.update(runs.folder)
        (path / "run.json").unlink()
    found = book(place)
    assert [(e["model"], e["seeds"]) for e in found["results"]] == [(m, [0, 1, 2]) for m in ledger.MODELS]
    assert found["ablation"] == [ablation]
    one, other = found["results"][0], found["results"][0] | {"profile": "full"}
    assert len(ledger.merge(found, [other])["results"]) == 4
    later = one["runs"][0] | {"accuracy": 1.0, "finished": "2027-01-01T00:00:00+00:00"}
    earlier = later | {"finished": "2020-01-01T00:00:00+00:00"}
    assert ledger.merge(found, [one | {"runs": [later]}])["results"][0]["accuracy"][0] == 1.0
    assert ledger.merge(found, [one | {"runs": [earlier]}])["results"][0]["accuracy"][0] == 30.0


def test_the_ledger_is_written_at_once_or_not_at_all(place, monkeypatch):
    ledger.write(ledger.empty(), place / "reference")
    before = (place / "reference" / "results.json").read_bytes()

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(WorkbookError, match=r"cannot write .*results\.json \(No space left"):
        ledger.write(ledger.empty() | {"ablation": [1]}, place / "reference")
    assert [path.name for path in (place / "reference").iterdir()] == ["results.json"]
    assert (place / "reference" / "results.json").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "not a ledger of schema 1"),
        ('{"schema": 1}', "lacks 'results'"),
        ('{"schema": 1, "results": [{"runs": []}], "incomplete": [], "ablation": []}', "without a finished run"),
        ('{"schema": 1, "results": [], "incomplete": [], "ablation": [{}]}', "lacks 'without'"),
    ],
)
def test_a_damaged_ledger_is_one_line(place, text, said):
    (place / "reference").mkdir()
    (place / "reference" / "results.json").write_text(text)
    with pytest.raises(WorkbookError, match=said) as caught:
        book(place)
    assert "\n" not in str(caught.value)


def test_weights_of_seed_0_are_kept_in_half_precision_and_nothing_of_the_machine(place, runs, configs):
    weights = {"a": np.random.default_rng(0).normal(size=500).astype(np.float32), "n": np.array(3)}
    written(runs, configs[1], weights=weights)
    written(runs, configs[7], weights={"a": np.zeros(3, np.float32)})  # seed 1
    reference.update(runs.folder)
    home = Record.load(place / "reference" / "usps_mnistm")
    kept = home.weights()
    assert str(kept["a"].dtype) == "torch.float16"
    assert np.array_equal(kept["a"].numpy(), weights["a"].astype(np.float16))
    assert kept["n"] == 3
    original = Record.load(runs.folder / configs[1].run_id).run
    assert original["params"]["runs"].startswith("/nowhere")
    assert home.run == original | {"params": original["params"] | {"runs": "runs", "data": "auto"}}
    assert sorted(path.name for path in home.folder.parent.iterdir()) == ["results.json", "usps_mnistm"]


def test_an_older_run_does_not_replace_kept_weights_and_a_later_one_does(place, runs, configs):
    for day, value, expected in ((20, 1, 1), (19, 2, 1), (21, 3, 3)):
        written(runs, configs[1], day=day, weights={"a": np.full(2, value, np.float32)})
        reference.update(runs.folder)
        assert Record.load(place / "reference" / "usps_mnistm").weights()["a"][0] == expected


@pytest.mark.parametrize(
    ("weights", "environment", "said"),
    [
        ({"a": np.zeros(4_000_001, np.float32)}, {}, "more than 8000000"),
        ({"a": np.full(2, 1e6, np.float32)}, {}, "float16 cannot hold"),
        (None, {"hardware": "GPU of /home/somebody"}, "environment.hardware holds a path"),
        (None, {"hardware": r"C:\Users\somebody"}, "environment.hardware holds a path"),
    ],
)
def test_weights_that_are_not_to_be_kept(place, runs, configs, weights, environment, said):
    written(runs, configs[1], weights=weights, environment=reference_runs.ENVIRONMENT | environment)
    with pytest.raises(WorkbookError, match=said):
        reference.update(runs.folder)
    assert not (place / "reference" / "usps_mnistm" / "run.json").exists()


def test_listing_says_seconds_of_what_is_there_and_of_what_is_missing(place, runs, configs):
    written(runs, configs[0])
    (runs.folder / f"{configs[2].run_id}.partial" / "checkpoints").mkdir(parents=True)
    (runs.folder / f"{configs[2].run_id}.partial" / "checkpoints" / "dann.ckpt").touch()
    lines = reference.listing(configs[:4], images)
    assert "there      1520 s  2026-11-20" in lines[0]
    assert lines[1].endswith("missing      ? s")
    assert lines[2].endswith("missing ~ 1520 s  begun")
    assert lines[-1] == "1 of 4 there with profile cpu, about 1520 s to go and what is not known yet"


def test_list_and_ledger_only_need_no_images(place, runs, configs, monkeypatch, capsys):
    monkeypatch.setattr(reference, "are_real", lambda configs: False)
    written(runs, configs[0])
    for option, said in (("--list", "1 of 18 there"), ("--ledger-only", "0 results, 3 incomplete")):
        assert main(["reference", option, "--runs", str(runs.folder)]) == 0
        assert said in capsys.readouterr().out


def test_sample_data_is_refused_in_one_line(tmp_path, capsys):
    assert main(["reference", "--runs", str(tmp_path / "runs")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hw: data: the ledger is of real images")
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_bad_method_and_folder_are_one_line(tmp_path, capsys):
    for arguments, said in (
        (["--method", "x"], "method: 'x' is not one of"),
        (["--data", "/nowhere"], "data: /nowhere"),
    ):
        assert main(["reference", *arguments, "--runs", str(tmp_path / "runs")]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"hw: {said}")
        assert err.count("\n") == 1


def test_ledger_only_rewrites_ledger_and_readme_and_runs_nothing(place, runs, configs, executed, capsys):
    written(runs, configs[0])
    assert main(["reference", "--ledger-only", "--runs", str(runs.folder)]) == 0
    assert executed == []
    text = (place / "README.md").read_text("utf-8")
    assert text == f"before\n{MARKERS[0]}\n{markdown(book(place))}\n{MARKERS[1]}\nafter\n"
    assert "| DANN | `cpu` | 40.0 (seed 0) | – | – |" in text
    assert "p3, usps → mnistm, profile cpu: seed 0 is there, seeds 1, 2 are missing" in text
    assert "p4 adamatch, usps → mnistm, mnistm → svhn, svhn → usps: seeds 0, 1, 2 are missing" in text
    assert "mnistm test 6000 (course 10000)" in text
    (place / "README.md").write_text("no markers")
    with pytest.raises(WorkbookError, match=r"README\.md: the lines <!-- reference"):
        reference.update(runs.folder)


def test_readme_of_a_complete_ledger_lists_nothing_missing(place, configs, executed):
    reference.make(configs)
    text = markdown(book(place))
    assert "| AdaMatch | `cpu` | **71.0 ± 1.0** | **71.0 ± 1.0** | **71.0 ± 1.0** |" in text
    assert "Not complete yet" not in text


def test_the_committed_readme_ledger_and_weights_agree():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = ledger.read()
    between = text.partition(MARKERS[0] + "\n")[2].partition("\n" + MARKERS[1])[0]
    assert between == markdown(found)
    kept = json.loads((ledger.FOLDER / ledger.FILE).read_text(encoding="utf-8"))
    assert kept == ledger.merge(found, [])  # means follow from runs, and the order is the ledger's
    for home in ledger.FOLDER.glob("*/"):
        record = Record.load(home)
        assert (home / "model.safetensors").stat().st_size <= reference.LARGEST
        assert reference.neutral(record.run) == record.run
        assert record.run["seed"] == reference.WEIGHTS_SEED
        rows = [
            run["accuracy"]
            for entry in found["results"] + found["incomplete"]
            for run in entry["runs"]
            if f"{entry['src']}_{entry['tgt']}" == home.name and run["finished"] == record.run["finished"]
        ]
        assert pytest.approx(rows, abs=1e-3) == [record.metrics["accuracy"][record.params["method"]]]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_what_the_command_writes_does_not_make_the_next_revision_a_changed_one(tmp_path, monkeypatch):
    import subprocess

    from hwlib import run

    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=x", "-c", "user.email=x@x", *arguments], check=True)

    git("init", "-q")
    for name in ("README.md", "code.py"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-qm", "x")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text("2")
    (tmp_path / "report" / "reference").mkdir(parents=True)
    (tmp_path / "report" / "reference" / "results.json").write_text("2")
    assert not run.revision().endswith("+")
    (tmp_path / "code.py").write_text("2")
    assert run.revision().endswith("+")
