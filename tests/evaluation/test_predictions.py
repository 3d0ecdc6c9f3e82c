"""Predictions for a folder of images, against the network asked for one image at a time."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from hwlib.cli import main
from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.evaluation.predictions import load_model, predict_folder
from hwlib.models import DANN, CompactCNN, ResNet34DANN
from hwlib.record import Record
from hwlib.run import REQUIRED, Run

P3 = ("source_only", "dann", "target_only")


def blots(rng, n):
    """Random images (n, 28, 28, 3) of coarse patches, which differ more than noise does."""
    return np.kron(rng.integers(0, 256, (n, 4, 4, 3), np.uint8), np.ones((1, 7, 7, 1), np.uint8))


def settled(cls, seed):
    """A network that is not trained, but whose answers differ from image to image: no digit is favoured."""
    torch.manual_seed(seed)
    network, rng = cls().train(), np.random.default_rng(seed)
    images = torch.from_numpy(blots(rng, 100).transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0  # one pass gives batch normalisation its statistics
    with torch.no_grad():
        network(images)
        scores = network.eval().classify_class[:-1](network.features(images))  # (100, 10)
        deviation, mean = torch.std_mean(scores, 0)
        last = network.classify_class[-2]
        last.weight.copy_(last.weight / deviation[:, None])
        last.bias.copy_((last.bias - mean) / deviation)
    return network


def keep(runs, problem, networks, **params):
    """Make a record with these networks the way a notebook does, and return its folder."""
    run = Run(read(problem, {"profile": "smoke", "runs": str(runs)} | params), "sample", [], {})
    run.add_training("any", [{"step": 1}], 1.0)
    needed = dict.fromkeys(REQUIRED.get(problem, ()), np.zeros(2))
    run.save_metrics(**{name: {} for name in ("accuracy", "source_accuracy", "proxy_a_distance")})
    run.save_arrays(**{name: value for name, value in needed.items() if name not in run.metrics})
    for name, network in networks.items():
        run.save_weights(network, name)
    return run.finish().folder


@pytest.fixture(scope="module")
def networks():
    return {name: settled(DANN, seed) for seed, name in enumerate(P3)} | {"model": settled(CompactCNN, 3)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory, networks):
    """The records of problem 3 and 4; tests that spoil one copy it first."""
    runs = tmp_path_factory.mktemp("runs")
    return {
        "p3": keep(runs, "p3", {name: networks[name] for name in P3}),
        "p4": keep(runs, "p4", {"model": networks["model"]}, method="adamatch"),
    }


@pytest.fixture
def images(tmp_path):
    """Forty digits, written in another order than their names', some grey and some in colour."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in rng.permutation(40):
        blot = blots(rng, 1)[0]
        Image.fromarray(blot if i % 3 else blot[:, :, 0]).save(folder / f"{i:05}.png")
    return folder


def inputs(path):
    """One image as the networks take it, (1, 3, 28, 28) in [-1, 1]."""
    values = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255 * 2 - 1
    return torch.from_numpy(values.transpose(2, 0, 1)[None].copy())


def expected(network, folder):
    """The csv's bytes by the slow and obvious way."""
    with torch.no_grad():
        labels = {path.name: int(network(inputs(path)).argmax()) for path in folder.glob("*.png")}
    assert len(set(labels.values())) >= 4  # else a constant would pass
    rows = [f"{name},{labels[name]}\n" for name in sorted(labels)]
    return "".join(["image_name,label\n", *rows]).encode()


@pytest.mark.parametrize(
    ("problem", "asked", "used"),
    [("p3", None, "dann"), *(("p3", name, name) for name in P3), ("p4", None, "model"), ("p4", "model", "model")],
)
def test_the_csv_is_what_the_network_says(tmp_path, kept, networks, images, problem, asked, used):
    out = tmp_path / "out.csv"
    line = predict_folder(kept[problem], images, out, asked, "cpu")
    assert out.read_bytes() == expected(networks[used], images)
    assert line == f"40 images named by {used} of {kept[problem].name} (profile smoke) on cpu: {out}"
    assert {path.name for path in tmp_path.iterdir()} == {"images", "out.csv"}


def test_the_networks_differ_here(kept, networks, images):
    """Else the test above could not tell one from another."""
    assert len({expected(network, images) for network in networks.values()}) == 4


def test_loaded_network_is_float32_in_evaluation_mode_and_has_the_weights(kept, networks):
    network = load_model(Record.load(kept["p3"]), "target_only")
    assert not any(module.training for module in network.modules())
    ours, theirs = network.state_dict(), networks["target_only"].state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)


def test_again_the_same_bytes_over_an_older_csv(tmp_path, kept, images):
    outs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    outs[1].write_text("older\n" * 1000)
    for out in outs:
        predict_folder(kept["p4"], images, out, force=out == outs[1])
    assert outs[0].read_bytes() == outs[1].read_bytes()
    for name in list(os.listdir(images))[1:]:
        (images / name).unlink()
    assert predict_folder(kept["p4"], images, outs[0], force=True).startswith("1 image named by ")
    assert outs[0].read_text().count("\n") == 2


def test_a_link_stays_a_link(tmp_path, kept, images):
    (tmp_path / "real").mkdir()
    (tmp_path / "out.csv").symlink_to(tmp_path / "real/out.csv")
    predict_folder(kept["p4"], images, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").is_symlink()
    assert os.listdir(tmp_path / "real") == ["out.csv"]


def half(folder):
    """Make the weights of a record half as large, as published ones are."""
    for path in folder.glob("*.safetensors"):
        state = {key: t.half() if t.is_floating_point() else t for key, t in load_file(path).items()}
        save_file(state, path)


def test_published_weights_of_half_precision_alone(tmp_path, kept, networks, images):
    folder = tmp_path / "published"
    folder.mkdir()
    for name in ("run.json", "model.safetensors"):
        shutil.copy(kept["p4"] / name, folder)
    half(folder)
    network = load_model(Record.load(folder), "model")
    rounded = CompactCNN().eval()
    rounded.load_state_dict(
        {key: t.half().float() if t.is_floating_point() else t for key, t in networks["model"].state_dict().items()}
    )
    assert {t.dtype for t in network.state_dict().values()} == {torch.float32, torch.int64}
    assert all(torch.equal(t, rounded.state_dict()[key]) for key, t in network.state_dict().items())
    predict_folder(folder, images, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == expected(rounded, images)


def edit(folder, change):
    path = folder / "run.json"
    run = json.loads(path.read_text())
    change(run)
    path.write_text(json.dumps(run))


def test_record_with_other_parameters_than_today(tmp_path, kept, networks, images):
    """Newer parameters are missing, older ones are there that nobody knows any more."""
    folder = shutil.copytree(kept["p4"], tmp_path / "old")
    edit(folder, lambda run: run.update(params={"method": "adamatch", "seed": 3, "temperature": 0.5}))
    predict_folder(folder, images, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == expected(networks["model"], images)


def test_resnet34_with_its_trunk_trained_or_frozen(tmp_path, images):
    """A frozen trunk sees ImageNet's normalisation, and its file is not wanted again."""
    torch.manual_seed(0)
    network = ResNet34DANN().eval()
    save_file({k: t.contiguous() for k, t in network.state_dict().items()}, tmp_path / "model.safetensors")
    x = torch.cat([inputs(path) for path in sorted(images.iterdir())[:2]])
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    seen = {"none": x, "/gone/resnet34.pth": ((x + 1) / 2 - mean) / std}
    wanted = {}
    with torch.no_grad():
        for weights in seen:
            params = {"method": "dann_resnet34", "weights": weights}
            (tmp_path / "run.json").write_text(json.dumps({"schema": 1, "problem": "p4", "params": params}))
            loaded = load_model(Record.load(tmp_path), "model")
            wanted[weights] = network.cnn_layer(network.resnet34(seen[weights])).flatten(1)
            torch.testing.assert_close(loaded.features(x), wanted[weights], rtol=1e-3, atol=1e-5)
    assert not torch.allclose(*wanted.values(), rtol=1e-2, atol=1e-4)


def test_what_is_passed_over_and_what_counts(tmp_path, kept, images):
    (images / ".DS_Store").write_bytes(b"\0")
    (images / ".ipynb_checkpoints").mkdir()
    (images / "00000.png").rename(images / "no suffix, but a comma")
    (images / "00001.png").rename(images / "\u6578\u5b57.PNG")
    predict_folder(kept["p3"], images, tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        names = [row["image_name"] for row in csv.DictReader(file)]
    assert names == [*(f"{i:05}.png" for i in range(2, 40)), "no suffix, but a comma", "\u6578\u5b57.PNG"]


def said(capsys, *arguments):
    assert main(["predict", "--device", "cpu", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


@pytest.mark.parametrize(
    ("asked", "problem", "used", "rank"),
    [
        ((), "p4", "model", "the newest of 2 runs of p3 or p4"),
        (("--problem", "p3"), "p3", "dann", "the only run of p3"),
        (("--target", "mnistm"), "p4", "model", "the newest of 2 runs of p3 or p4 with target mnistm"),
        (("--problem", "p3", "--target", "mnistm"), "p3", "dann", "the only run of p3 with target mnistm"),
        (("--model", "source_only"), "p3", "source_only", "the only run of p3"),
    ],
)
def test_a_run_is_chosen_and_said(capsys, tmp_path, kept, networks, images, asked, problem, used, rank):
    runs, out = dated(kept, tmp_path / "runs"), tmp_path / "out.csv"
    chosen, note, done = said(capsys, "--runs", runs, "--images", images, "--out", out, *asked)
    assert note.startswith("note: this run is of stand-ins or of a smoke test")
    assert out.read_bytes() == expected(networks[used], images)
    assert chosen.startswith(f"run {runs / problem}, {rank} there, finished 2026-01-0")
    assert done == f"40 images named by {used} of {kept[problem].name} (profile smoke) on cpu: {out}"


def dated(kept, runs):
    """A folder of both records, of which problem 4's finished last."""
    for day, (problem, folder) in enumerate(kept.items(), 1):
        shutil.copytree(folder, runs / problem)
        edit(runs / problem, lambda run, day=day: run.update(finished=f"2026-01-{day:02}"))
    return runs


def test_damaged_weights_of_the_newest_run_are_passed_over(capsys, tmp_path, kept, networks, images):
    runs, out = dated(kept, tmp_path / "runs"), tmp_path / "out.csv"
    (runs / "p4" / "model.safetensors").write_bytes(b"hello")
    passed, chosen, *_ = said(capsys, "--runs", runs, "--images", images, "--out", out)
    assert passed.startswith(f"passed over: {runs}/p4/model.safetensors: the weights cannot be read")
    assert chosen.startswith(f"run {runs}/p3, the only run of p3 or p4 there")
    assert out.read_bytes() == expected(networks["dann"], images)


def test_hw_run_names_one(capsys, tmp_path, monkeypatch, kept, networks, images):
    monkeypatch.setenv("HW_RUN", str(kept["p3"]))
    chosen, *_ = said(capsys, "--images", images, "--out", tmp_path / "out.csv", "--model", "target_only")
    assert chosen == f"run {kept['p3']}, which HW_RUN names"
    assert (tmp_path / "out.csv").read_bytes() == expected(networks["target_only"], images)


def test_a_doubtful_run_points_to_published_weights(capsys, tmp_path, monkeypatch, kept, images):
    published = tmp_path / "prose" / "reference" / "usps_mnistm"
    published.mkdir(parents=True)
    (published / "run.json").write_text("{}")
    monkeypatch.setattr("hwlib.evaluation.predictions.PROSE", tmp_path / "prose")
    runs, rest = dated(kept, tmp_path / "runs"), ("--images", images, "--out", tmp_path / "out.csv", "--force")
    _, note, _ = said(capsys, "--runs", runs, *rest)
    assert note.endswith(f"; `--run {published}` was trained on real images")
    # Whoever names a run knows it; and one of real images and a real budget is in no doubt.
    assert len(said(capsys, "--run", runs / "p4", *rest)) == 1
    edit(runs / "p4", lambda run: run.update(profile="cpu"))
    assert len(said(capsys, "--runs", runs, *rest)) == 2
    edit(runs / "p4", lambda run: run["data"].update(sets=[{"name": "usps", "stand_in": True}]))
    assert "note: " in said(capsys, "--runs", runs, *rest)[1]


def test_the_method_is_a_name_for_the_model_of_problem_4(capsys, tmp_path, kept, networks, images):
    runs, out = dated(kept, tmp_path / "runs"), tmp_path / "out.csv"
    assert (
        "named by model of" in said(capsys, "--runs", runs, "--model", "adamatch", "--images", images, "--out", out)[-1]
    )
    assert out.read_bytes() == expected(networks["model"], images)
    assert said(capsys, "--run", runs / "p4", "--model", "adamatch", "--images", images, "--out", out, "--force")
    refused(capsys, "--run", runs / "p4", "--model", "dann_resnet34", "--images", images, "--out", out)


def test_targets_and_models_that_do_not_fit(capsys, tmp_path, kept, images):
    runs = dated(kept, tmp_path / "runs")
    rest = ("--images", images, "--out", tmp_path / "out.csv")
    err = refused(capsys, "--run", runs / "p3", "--target", "svhn", *rest)
    assert err.startswith(f"hw: target: {runs}/p3, which run names, was trained for mnistm and not for 'svhn'; give ")
    err = refused(capsys, "--runs", runs, "--target", "svhn", *rest)
    assert err.startswith(f"hw: run: no finished run of p3 or p4 with target svhn in {runs}; targets there: mnistm; ")
    err = refused(capsys, "--runs", runs, "--model", "vae", *rest)
    assert err == (
        "hw: model: there is no 'vae'; a run of p3 has dann, source_only, target_only; a run of p4 has model\n"
    )
    err = refused(capsys, "--runs", runs, "--problem", "p4", "--model", "dann", *rest)
    assert err == "hw: model: there is no 'dann'; a run of p4 has model\n"
    assert not (tmp_path / "out.csv").exists()


def save(name, *shape, dtype=np.uint8, kind="PNG"):
    return lambda folder: Image.fromarray(np.zeros(shape, dtype)).save(folder / name, format=kind)


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def truncate(folder):
    path = folder / "00007.png"
    path.write_bytes(path.read_bytes()[:-60])


def not_utf8(folder):
    shutil.copy(folder / "00007.png", os.fsencode(folder) + b"/\xff.png")


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / ".hidden").write_text("")


BAD_IMAGES = {
    "missing folder": (shutil.rmtree, "images: cannot be listed (No such file", "give a folder of 28x28 PNG"),
    "file for a folder": (
        lambda folder: (shutil.rmtree(folder), folder.write_text("")),
        "images: cannot be listed (Not a directory)",
        "give a folder of 28x28 PNG",
    ),
    "no images": (emptied, "images: holds no images", "give a folder of 28x28 PNG"),
    "text": (put("README.txt", b"hello"), "images/README.txt: is no image", "(PNG)"),
    "text called png": (put("00007.png", b"hello"), "images/00007.png: is no image", "(PNG)"),
    "empty file": (put("00007.png", b""), "images/00007.png: is no image", "(PNG)"),
    "csv of labels": (put("test.csv", b"image_name,label\n"), "images/test.csv: is no image", "(PNG)"),
    "JPEG called png": (save("00007.png", 28, 28, kind="JPEG"), "images/00007.png: is no image", "(PNG)"),
    "JPEG": (save("x.jpg", 28, 28, kind="JPEG"), "images/x.jpg: is no image", "(PNG)"),
    "truncated": (truncate, "images/00007.png: is damaged", "put a good copy"),
    "size": (save("00007.png", 32, 32), "images/00007.png: is 32x32 pixels", "28x28 is allowed"),
    "size of a face": (save("z.png", 64, 64, 3), "images/z.png: is 64x64 pixels", "28x28 is allowed"),
    "16 bits": (save("00007.png", 28, 28, dtype=np.uint16), "images/00007.png: has more than 8 bits", "8-bit grey"),
    "folder": (lambda folder: (folder / "test").mkdir(), "images/test: is a folder", "must lie in"),
    "link to nothing": (lambda f: (f / "a.png").symlink_to(f / "gone"), "images/a.png: is no file", "must lie in"),
    "pipe": (lambda folder: os.mkfifo(folder / "a.png"), "images/a.png: is no file", "must lie in"),
    "name": (not_utf8, "images: the name '\\udcff.png' is no UTF-8 text", "rename it"),
}


def refused(capsys, *arguments):
    """The command's one line of error; it ends with 2 and says nothing else."""
    assert main(["predict", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hw: ")
    assert err.count("\n") == 1
    assert len(err) < 600
    return err


@pytest.mark.parametrize(("spoil", "what", "remedy"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_bad_images(capsys, tmp_path, kept, images, spoil, what, remedy):
    spoil(images)
    out = tmp_path / "out.csv"
    for before in (None, b"older\n"):
        if before:
            out.write_bytes(before)
        err = refused(capsys, "--run", kept["p4"], "--images", images, "--out", out, "--force")
        assert what in err
        assert remedy in err
        assert {path.name for path in tmp_path.iterdir()} - {"images"} == ({"out.csv"} if before else set())
    assert out.read_bytes() == b"older\n"


def weights(change):
    """Change the tensors of a record's weights."""

    def spoil(folder):
        for path in folder.glob("*.safetensors"):
            state = load_file(path)
            change(state)
            save_file(state, path)

    return spoil


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def without(name):
    return lambda folder: (folder / name).unlink()


def into(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def infinite(state):
    state["classify_class.c_fc1.weight"][3, 4] = float("inf")


def as_problem(problem):
    return lambda folder: edit(folder, lambda run: run.update(problem=problem))


FIT = "model.safetensors: these weights do not fit"
BAD_RUNS = {
    "no folder": (shutil.rmtree, "no finished run here", "run.json"),
    "no record": (without("run.json"), "no finished run here", "run.json"),
    "damaged record": (into("run.json", b"{"), "run.json: the record cannot be read", "--force"),
    "problem 1": (as_problem("p1"), "is a run of p1; ", "give one of p3 or p4"),
    "problem 2": (as_problem("p2"), "is a run of p2; ", "give one of p3 or p4"),
    "no problem": (as_problem(["p3"]), "is a run of ['p3']; ", "give one of p3 or p4"),
    "no parameters": (lambda f: edit(f, lambda run: run.pop("params")), "run.json: there are no param", "--force"),
    "unknown method": (
        lambda f: edit(f, lambda run: run["params"].update(method="magic")),
        "run.json: method: 'magic' is not one of",
        "--force",
    ),
    "no weights": (without("model.safetensors"), "model.safetensors: no such weights", "--force"),
    "no weights but text": (into("model.safetensors", b"hello"), "model.safetensors: the weights cannot be", "--force"),
    "empty weights": (into("model.safetensors", b""), "model.safetensors: the weights cannot be read", "--force"),
    "short weights": (cut_short, "model.safetensors: the weights cannot be read", "--force"),
    "tensor missing": (weights(lambda s: s.pop("cnn_layer.f_bn2.bias")), FIT, "cnn_layer.f_bn2.bias and 0 more"),
    "tensor unknown": (weights(lambda s: s.update(a=torch.zeros(1), b=torch.zeros(1))), FIT, "(a and 1 more"),
    "other shape": (
        weights(lambda s: s.update({"classify_class.c_fc1.bias": torch.zeros(1)})),
        FIT,
        "classify_class.c_fc1.bias and 0 more",
    ),
    "other network": (
        lambda folder: edit(folder, lambda run: run["params"].update(method="dann_resnet34")),
        FIT,
        "--force",
    ),
    "not finite": (weights(infinite), "classify_class.c_fc1.weight has numbers that are not finite", "--force"),
}


@pytest.mark.parametrize(("spoil", "what", "remedy"), BAD_RUNS.values(), ids=BAD_RUNS.keys())
def test_bad_runs(capsys, tmp_path, kept, images, spoil, what, remedy):
    run = shutil.copytree(kept["p4"], tmp_path / "run")
    spoil(run)
    err = refused(capsys, "--run", run, "--images", images, "--out", tmp_path / "out.csv")
    assert what in err
    assert remedy in err
    assert str(run) in err
    assert {path.name for path in tmp_path.iterdir()} <= {"images", "run"}


@pytest.mark.parametrize(
    ("problem", "model", "has"),
    [("p3", "model", "p3 has dann, source_only, target_only"), ("p3", "", "p3 has"), ("p4", "dann", "p4 has model")],
)
def test_networks_that_a_run_does_not_have(capsys, tmp_path, kept, images, problem, model, has):
    err = refused(capsys, "--run", kept[problem], "--images", images, "--out", tmp_path / "o.csv", "--model", model)
    assert f"hw: model: {model!r} is not in " in err
    assert has in err
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("device", ["tpu", "cuda:77", "cuda:x"])
def test_devices_that_are_not_there(capsys, tmp_path, kept, images, device):
    err = refused(capsys, "--run", kept["p4"], "--images", images, "--out", tmp_path / "o.csv", "--device", device)
    assert err.startswith(f"hw: device: {device!r} is not ")
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("gone/out.csv", "gone is no folder; make it first"),
        ("file/out.csv", "file is no folder; make it first"),
        ("folder", "folder is no file; give the name of a csv"),
        (f"{'x' * 252}.csv", "File name too long"),
    ],
)
def test_places_where_no_csv_can_be_written(capsys, tmp_path, kept, images, name, what):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    err = refused(capsys, "--run", kept["p4"], "--images", images, "--out", tmp_path / name)
    assert err.startswith("hw: out: ")
    assert what in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def split(tmp_path, kept, images):
    """The images as the test split of a course folder beside their labels, and a run's record."""
    for name in ("test", "mnistm"):
        shutil.copytree(images, tmp_path / name)
        (tmp_path / f"{name}.csv").write_text("mine")
    shutil.copytree(kept["p4"], tmp_path / "run")
    (tmp_path / "link.csv").symlink_to("test.csv")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["new.csv", "train.csv", "gone.csv", "test/new.csv", "run/new.csv", "new", "new.txt", f"{'圖' * 83}.csv"],
)
def test_a_new_file_is_never_refused(capsys, split, networks, kept, images, name):
    assert said(capsys, "--run", kept["p4"], "--images", split / "test", "--out", split / name)
    assert (split / name).read_bytes() == expected(networks["model"], images)


def test_a_csv_named_after_the_images_is_new_like_any_other(capsys, tmp_path, kept, images):
    rest = ("--run", kept["p4"], "--images", images, "--out", f"{images}.csv")
    assert said(capsys, *rest)
    assert "images.csv is there already" in refused(capsys, *rest)
    assert said(capsys, *rest, "--force")


@pytest.mark.parametrize("forced", [(), ("--force",)])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("mnistm.csv", ""),
        ("test.csv", "is one of the files that are read here"),
        ("link.csv", "is one of the files that are read here"),
        ("test/00000.png", "is one of the files that are read here"),
        ("run/run.json", "is part of the record of a run"),
        ("run/model.safetensors", "is part of the record of a run"),
    ],
)
def test_a_file_that_is_there_is_written_over_if_forced_and_what_is_read_never(
    capsys, split, kept, images, networks, name, what, forced
):
    before = (split / name).read_bytes()
    rest = ("--run", kept["p4"], "--images", split / "test", "--out", split / name, *forced)
    if forced and not what:
        assert said(capsys, *rest)
        assert (split / name).read_bytes() == expected(networks["model"], images)
        return
    err = refused(capsys, *rest)
    assert (what or "is there already; give another name, or --force to write over it") in err
    assert (split / name).read_bytes() == before


def test_a_file_that_came_meanwhile_is_left_alone(tmp_path, monkeypatch, kept, images):
    out = tmp_path / "out.csv"

    def slow(*_):
        out.write_text("from elsewhere")
        return torch.zeros(40)

    monkeypatch.setattr("hwlib.evaluation.predictions.predict", slow)
    with pytest.raises(WorkbookError, match="is there already"):
        predict_folder(kept["p4"], images, out)
    assert out.read_text() == "from elsewhere"
    assert {path.name for path in tmp_path.iterdir()} == {"images", "out.csv"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_when_writing_ends_halfway(tmp_path, monkeypatch, kept, images, error):
    out = tmp_path / "out.csv"
    out.write_text("older\n")

    def replace(source, target):
        assert os.path.dirname(source) == str(tmp_path)  # elsewhere it could not be moved in one step
        assert os.path.getsize(source) > 40 * len("00000.png,0")
        assert out.read_text() == "older\n"
        raise error

    monkeypatch.setattr("hwlib.evaluation.output.os.replace", replace)
    with pytest.raises((WorkbookError, KeyboardInterrupt)) as caught:
        predict_folder(kept["p4"], images, out, force=True)
    assert isinstance(caught.value, WorkbookError) == isinstance(error, OSError)
    assert isinstance(error, KeyboardInterrupt) or "out.csv (No space left on device)" in str(caught.value)
    assert out.read_text() == "older\n"
    assert {path.name for path in tmp_path.iterdir()} == {"images", "out.csv"}
