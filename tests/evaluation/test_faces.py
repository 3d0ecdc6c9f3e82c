"""Faces drawn again from a record: those of its figure, to the byte."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from hwlib import figures
from hwlib.cli import main
from hwlib.evaluation.sampling import sample_gan, sample_vae
from hwlib.models import VAE, Discriminator, Generator
from hwlib.record import Record
from hwlib.training.precision import choose

FIGURES = {"p1": "fig1_4", "p2": "fig2_2"}


def settle(network, *inputs):
    """Give batch normalisation the statistics of one pass, so that faces are not all grey."""
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(*inputs)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Records of problem 1 and 2 with 32 of the faces that were drawn in one batch, as the notebooks do."""
    runs, compute = tmp_path_factory.mktemp("runs"), choose("cpu", "float32")
    torch.manual_seed(0)
    vae, generator, discriminator = VAE(), Generator(), Discriminator()
    settle(vae, torch.randn(64, 3, 64, 64))
    settle(generator, torch.randn(64, 100))
    both = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
    for problem, network, faces in (
        ("p1", vae, sample_vae(compute.place(vae), 250, 5, compute)),
        ("p2", both, sample_gan(compute.place(generator), 250, 5, compute)),
    ):
        folder = runs / f"{problem}_s5"
        folder.mkdir()
        save_file(
            {key: tensor.contiguous() for key, tensor in network.state_dict().items()}, folder / "model.safetensors"
        )
        run = {"schema": 1, "id": folder.name, "problem": problem, "params": {}, "seed": 5, "profile": "quick"}
        run |= {"finished": "2026-01-01T00:00:00+00:00", "data": {"kind": "sample", "sets": [{"stand_in": True}]}}
        (folder / "run.json").write_text(json.dumps(run))
        np.savez(folder / "arrays.npz", faces=faces[:32].numpy())
    return runs


def sample(capsys, *arguments):
    status = main(["sample", "--device", "cpu", *map(str, arguments)])
    return status, capsys.readouterr()


@pytest.mark.parametrize("problem", ["p1", "p2"])
def test_the_run_s_own_figure_to_the_byte(capsys, tmp_path, runs, problem):
    """Whatever is asked, the run's seed or the same number, and whoever chose the run."""
    run, out = runs / f"{problem}_s5", tmp_path / "faces.png"
    (picture,) = figures.rows(FIGURES[problem], Record.load(run))[0].panels
    _, expected = picture.image()
    for arguments in (("--run", run), ("--run", run, "--seed", 5), ("--runs", runs, "--problem", problem)):
        out.unlink(missing_ok=True)
        status, said = sample(capsys, *arguments, "--out", out)
        assert (status, said.err) == (0, "")
        assert out.read_bytes() == expected
    maker = {"p1": "the VAE", "p2": "the generator"}[problem]
    assert said.out.splitlines() == [
        f"run {run}, the only run of {problem} there, finished 2026-01-01T00:00:00+00:00",
        f"32 faces of seed 5 made by {maker} of {run.name} (profile quick, trained on stand-ins) on cpu: {out}",
    ]


def test_the_figures_differ(runs):
    """Else the test above could not tell one from another, or a face from a grey square."""
    vae, gan = (Record.load(runs / f"{problem}_s5").arrays["faces"] for problem in FIGURES)
    for faces in (vae, gan):
        assert len({face.tobytes() for face in faces}) == 32
        assert faces.std() > 5
    assert (vae != gan).any()


def test_four_rows_of_eight_and_nothing_but_pixels(capsys, tmp_path, runs):
    out = tmp_path / "faces.PNG"
    sample(capsys, "--run", runs / "p1_s5", "--out", out)
    with Image.open(out) as image:
        assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (8 * 66 - 2, 4 * 66 - 2), {})
    assert set(chunks(out)) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(path):
    """The kinds of a PNG's chunks: a date would stand in one of its own."""
    file = io.BytesIO(path.read_bytes()[8:])
    while head := file.read(8):
        yield head[4:]
        file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)


def test_another_seed_and_another_count(capsys, tmp_path, runs):
    out, other = tmp_path / "a.png", tmp_path / "b.png"
    sample(capsys, "--run", runs / "p1_s5", "--out", out)
    sample(capsys, "--run", runs / "p1_s5", "--out", other, "--seed", 6)
    assert out.read_bytes() != other.read_bytes()
    status, said = sample(capsys, "--run", runs / "p1_s5", "--out", other, "--count", 8, "--force")
    assert said.out.startswith("8 faces of seed 5 made by the VAE of p1_s5")
    with Image.open(out) as whole, Image.open(other) as row:
        assert row.size == (526, 64)
        difference = np.asarray(row).astype(int) - np.asarray(whole.crop((0, 0, 526, 64)))
    assert abs(difference).max() <= 1  # a batch of another size may round otherwise
    status, said = sample(capsys, "--run", runs / "p1_s5", "--out", other, "--count", 1, "--force")
    assert (status, said.out.startswith("1 face of seed 5 ")) == (0, True)


def spoiled(change):
    def spoil(folder):
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")

    return spoil


BAD_RUNS = {
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "model.safetensors: no such weights in this",
    ),
    "text": (lambda folder: (folder / "model.safetensors").write_text("x"), "model.safetensors: the weights cannot be"),
    "tensor missing": (spoiled(lambda s: s.pop("generator.output.0.weight")), "these weights do not fit the run's"),
    "not finite": (
        spoiled(lambda s: s["generator.output.0.weight"].fill_(float("nan"))),
        "generator.output.0.weight has numbers that are not finite",
    ),
    "another problem": (
        lambda folder: (folder / "run.json").write_text(json.dumps({"schema": 1, "problem": "p3"})),
        "is a run of p3; give one of p1 or p2",
    ),
    "no seed": (
        lambda folder: (folder / "run.json").write_text(json.dumps({"schema": 1, "problem": "p2"})),
        "run.json: there is no seed in it; give one with --seed",
    ),
}


@pytest.mark.parametrize(("spoil", "what"), BAD_RUNS.values(), ids=BAD_RUNS.keys())
def test_bad_runs(capsys, tmp_path, runs, spoil, what):
    run = shutil.copytree(runs / "p2_s5", tmp_path / "run")
    spoil(run)
    out = tmp_path / "faces.png"
    out.write_text("older")
    status, said = sample(capsys, "--run", run, "--out", out, "--force")
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert what in said.err
    assert str(run) in said.err
    assert out.read_text() == "older"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--count", "0"), "hw: count: 0 is not from 1 to 1000"),
        (("--count", "1001"), "hw: count: 1001 is not from 1 to 1000"),
        (("--seed", "-1"), "hw: seed: -1 is not from 0 to 4294967295"),
        (("--seed", "4294967296"), "hw: seed: 4294967296 is not from 0"),
        (("--problem", "p2"), "is a run of p1; give one of p2"),
        (("--out", "there.png"), "hw: out: there.png is there already; give another name, or --force"),
        (("--out", "there.png", "--force", "--count", "0"), "hw: count: 0 is not"),
        (("--out", "gone/faces.png"), "hw: out: gone is no folder"),
        (("--out", "folder.png"), "hw: out: folder.png is no file; give the name of a PNG"),
        (("--device", "tpu"), "hw: device: 'tpu' is not one of"),
    ],
)
def test_bad_arguments(capsys, tmp_path, monkeypatch, runs, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").write_text("mine")
    status, said = sample(capsys, "--run", runs / "p1_s5", "--out", "faces.png", *arguments)
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert message in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "there.png"]
    assert (tmp_path / "there.png").read_text() == "mine"
