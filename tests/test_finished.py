"""A finished run: never replaced unasked, shown again when nothing has changed, and told apart by its name."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from hwlib import notebook
from hwlib.config import CONFIGS, read
from hwlib.data import load_sets, open_data
from hwlib.errors import WorkbookError
from hwlib.finished import FinishedRun, OtherRun, standing
from hwlib.record import Record, newest_first, record_folders, records
from hwlib.report.collect import ARRAYS, collect
from hwlib.run import Run
from hwlib.training.precision import choose

KEPT = Path(__file__).parent / "kept" / "7d0b685"
SETS = [
    {"name": "face", "split": "train", "count": 3, "sha256": "0" * 64, "stand_in": True},
    {"name": "face", "split": "test", "count": 3, "sha256": "1" * 64, "stand_in": True},
]
ENVIRONMENT = {"torch": "2", "device": "cpu", "precision": "float32", "threads": 1}


def config(tmp_path, **params):
    return read("p1", {"profile": "smoke", "runs": str(tmp_path)} | params)


def finish(tmp_path, mse=1.0, source="a", **params):
    run = Run(config(tmp_path, **params), "sample", SETS, ENVIRONMENT, {"source": source})
    run.add_training("model", [{"step": 1, "epoch": 0.5, "reconstruction": 2.0, "kl": 1.0}], 1.5, 0.5)
    run.save_metrics(test_mse=mse, test_kl=1.0, table_mse=[1.0] * 10)
    images = {name: torch.zeros(32, 3, 64, 64, dtype=torch.uint8) for name in ("originals", "reconstructions")}
    images |= {name: torch.zeros(32, 3, 64, 64, dtype=torch.uint8) for name in ("faces", "interpolation")}
    run.save_arrays(**images, tsne=torch.zeros(4, 2), tsne_labels=torch.zeros(4))
    torch.manual_seed(0)
    run.save_weights(torch.nn.Linear(2, 1))
    return run.finish()


def test_the_same_run_stands(tmp_path):
    record = finish(tmp_path)
    assert standing(config(tmp_path), SETS, {"source": "a"}).run == record.run
    # Where and how it is kept, and where it is computed, is no other run.
    again = config(tmp_path, checkpoint_seconds=5, resume=False, data="sample")
    assert standing(again, SETS, {"source": "a"}) is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.5}, "lr was 0.001 and is 0.5"),
        ({"lr": 0.5, "kl_weight": 2}, "lr was 0.001 and is 0.5; kl_weight was 1.0 and is 2.0"),
        ({"steps": 7}, "steps was 6 and is 7"),
        ({"sets": [SETS[0] | {"sha256": "2" * 64}, SETS[1]]}, "the images have changed (face train)"),
    ],
)
def test_a_run_of_other_parameters_or_images_is_not_replaced(tmp_path, change, message):
    folder = finish(tmp_path).folder
    sets = change.pop("sets", SETS)
    with pytest.raises(OtherRun) as error:
        standing(config(tmp_path, **change), sets, {"source": "b"})
    assert str(error.value) == (
        f"{folder}: a finished run of other parameters or images is kept here: {message}; `force` true (`hw run … "
        "--force`) replaces it, and a `name` (`-p name NAME`) puts the new run beside it"
    )
    assert standing(config(tmp_path, **change, force=True), sets, {"source": "b"}) is None
    assert standing(config(tmp_path, **change, name="other"), sets, {"source": "b"}) is None


def test_other_code_makes_it_again_and_keeps_the_older_one_out_of_every_report(tmp_path):
    finish(tmp_path, mse=1.0)
    assert standing(config(tmp_path), SETS, {"source": "b"}) is None
    finish(tmp_path, mse=2.0, source="b")
    assert Record.load(tmp_path / "p1_s0.previous").metrics["test_mse"] == 1.0
    assert [record.metrics["test_mse"] for record in records(tmp_path)] == [2.0]
    assert [folder.name for folder in record_folders(tmp_path)] == ["p1_s0"]
    found = collect(tmp_path)
    assert [record.metrics["test_mse"] for record in found.p1] == [2.0]
    assert found.left_out == ()


def test_a_record_without_its_weights_is_made_again(tmp_path):
    (finish(tmp_path).folder / "model.safetensors").unlink()
    assert standing(config(tmp_path), SETS, {"source": "a"}) is None


def test_a_finished_run_gives_its_weights_back_and_changes_nothing(tmp_path):
    record = finish(tmp_path)
    before = {path: path.read_bytes() for path in record.folder.iterdir()}
    run = FinishedRun(config(tmp_path), record)
    layer = torch.nn.Linear(2, 1)
    run.save_weights(layer)
    assert all(torch.equal(layer.state_dict()[name], value) for name, value in record.weights().items())
    run.save_metrics(test_mse=9.0)
    run.save_arrays(faces=[1])
    run.save_text("model.txt", "other")
    assert run.finish() is record
    assert {path: path.read_bytes() for path in record.folder.iterdir()} == before
    with pytest.raises(WorkbookError, match="the weights are not of this network; with `force` true"):
        run.save_weights(torch.nn.Linear(3, 1))


def test_a_notebook_starts_over_an_unchanged_run_without_training_it(tmp_path, capsys):
    """What the cells of all four notebooks call."""
    mine = config(tmp_path, data="sample")
    compute = choose("cpu", "float32", False)
    source = open_data(mine)
    sets = load_sets(mine)
    run = notebook.start(mine, compute, source, *sets)
    assert isinstance(run, Run)
    run.add_training("model", [{"step": 1, "epoch": 0.5, "reconstruction": 2.0, "kl": 1.0}], 1.5, 0.5)
    run.save_metrics(test_mse=1.0, test_kl=1.0, table_mse=[1.0] * 10)
    for name in ARRAYS["p1"]:
        image = name in ("originals", "reconstructions", "faces", "interpolation")
        run.save_arrays(**{name: torch.zeros((4, 3, 8, 8) if image else (4, 2), dtype=torch.uint8)})
    run.save_weights(torch.nn.Linear(1, 1))
    record = run.finish()
    capsys.readouterr()
    again = notebook.start(mine, compute, source, *sets)
    assert again.finished.run == record.run
    assert "unchanged; shown, not trained again" in capsys.readouterr().out
    with pytest.raises(OtherRun, match=r"kl_weight was 1\.0 and is 0\.5"):
        notebook.start(config(tmp_path, data="sample", kl_weight=0.5), compute, source, *sets)
    beside = notebook.start(config(tmp_path, data="sample", kl_weight=0.5, name="half"), compute, source, *sets)
    assert beside.partial.name == "p1_half_s0.partial"


def test_two_settings_stand_side_by_side_and_the_report_tells_them_apart(tmp_path):
    from hwlib.report.appendix import _named, reproduce

    finish(tmp_path, mse=1.0)
    finish(tmp_path, mse=2.0, kl_weight=0.5, name="half")
    finish(tmp_path, mse=3.0, kl_weight=2, name="twice")
    found = collect(tmp_path)
    assert [record.run["id"] for record in found.p1] == ["p1_s0"]
    assert [record.run["id"] for record in found.named] == ["p1_half_s0", "p1_twice_s0"]
    assert found.left_out == ()
    table = _named(found)
    assert "p1_half_s0" in table
    assert "kl_weight=0.5" in table
    assert "test_mse 2" in table
    assert reproduce(found.named[:1]) == ["hw run p1 -p profile smoke -p name half -p kl_weight 0.5"]
    shutil.rmtree(tmp_path / "p1_s0")  # where all have a name, the report is of the latest
    found = collect(tmp_path)
    assert [record.run["id"] for record in found.p1] == ["p1_twice_s0"]
    assert [record.run["id"] for record in found.named] == ["p1_half_s0"]


def test_a_copy_is_called_a_copy_and_the_original_counts(tmp_path):
    folder = finish(tmp_path).folder
    for name in ("p1_s0 - copy", "z", "a"):
        shutil.copytree(folder, tmp_path / name)
    assert newest_first(records(tmp_path))[0].folder == folder
    found = collect(tmp_path)
    assert [record.folder.name for record in found.p1] == ["p1_s0"]
    assert [en for _, en in found.left_out] == [
        f"{name}: a copy of p1_s0; not mixed in" for name in ("a", "p1_s0 - copy", "z")
    ]


def test_a_copy_of_a_named_run_is_a_copy_too(tmp_path):
    finish(tmp_path)
    named = finish(tmp_path, name="half", kl_weight=0.5).folder
    shutil.copytree(named, tmp_path / "0")
    found = collect(tmp_path)
    assert [record.folder for record in found.named] == [named]
    assert [en for _, en in found.left_out] == ["0: a copy of p1_half_s0; not mixed in"]


@pytest.mark.parametrize(
    ("problem", "params", "run_id"),
    [
        ("p1", {"name": "half"}, "p1_half_s0"),
        ("p3", {"name": "a_b-1", "seed": 3}, "p3_usps_mnistm_a_b-1_s3"),
        ("p4", {"name": "slow", "without": "ema"}, None),
        ("p2", {"name": "慢"}, "p2_慢_s0"),
        ("p2", {}, "p2_s0"),
    ],
)
def test_a_name_is_part_of_the_folder(problem, params, run_id):
    if run_id is None:
        params = params | {"without": next(w for w in _without() if w != "nothing")}
        run_id = f"p4_usps_mnistm_adamatch_without_{params['without']}_slow_s0"
    assert read(problem, params).run_id == run_id


def _without():
    from hwlib.config import INGREDIENTS

    return INGREDIENTS


@pytest.mark.parametrize("name", ["a/b", "..", ".x", "a b", "a.partial", "x" * 81, "~", "a\nb", "C:"])
def test_a_name_that_cannot_be_part_of_a_folder(name):
    with pytest.raises(WorkbookError, match=r"^name: "):
        read("p1", {"name": name})


def test_runs_made_before_there_were_names_stay_readable():
    """Records of revision 7d0b685, as it wrote them."""
    found = collect(KEPT)
    assert found.left_out == ()
    assert {record.run["id"] for record in found.all} == {folder.name for folder in KEPT.iterdir()}
    assert len(found.all) == 4
    assert {record.run["environment"]["revision"] for record in found.all} == {"7d0b68526f89"}
    assert found.p1[0].metrics["test_mse"] == pytest.approx(0.06285714)


@pytest.mark.parametrize("problem", CONFIGS)
def test_runs_made_before_there_were_names_are_compared_as_what_they_are(problem, tmp_path):
    """Of the older record, and of no difference: a parameter that it does not know yet has its default there."""
    (folder,) = KEPT.glob(f"{problem}_*")
    shutil.copytree(folder, tmp_path / folder.name)
    (tmp_path / folder.name / "model.safetensors").write_bytes(b"")
    record = Record.load(tmp_path / folder.name)
    mine = read(problem, {"profile": "smoke", "runs": str(tmp_path)})
    assert standing(mine, record.sets, record.run["fingerprint"]).run == record.run
    other = read(problem, {"profile": "smoke", "runs": str(tmp_path), "lr": 0.5})
    with pytest.raises(OtherRun, match=f"lr was {record.params['lr']} and is 0.5"):
        standing(other, record.sets, record.run["fingerprint"])


def test_a_record_that_cannot_be_read_is_kept_when_it_is_made_again(tmp_path):
    path = finish(tmp_path).folder / "run.json"
    path.write_text("{")
    assert standing(config(tmp_path), SETS, {"source": "a"}) is None
    finish(tmp_path)
    assert (tmp_path / "p1_s0.previous" / "run.json").read_text() == "{"
    assert json.loads(path.read_text())["id"] == "p1_s0"
