"""The digits in a folder of images, named by the network of a finished run."""

import csv
import dataclasses
import io
import os
from pathlib import Path

import torch
from torch import nn

from hwlib.config import CONFIGS, Config, read
from hwlib.data.course import unlabelled
from hwlib.errors import WorkbookError
from hwlib.evaluation.accuracy import predict
from hwlib.models import DANN, ResNet34DANN
from hwlib.record import Record
from hwlib.training.methods import build_model
from hwlib.training.precision import choose

NETWORKS = {"p3": ("dann", "source_only", "target_only"), "p4": ("model",)}
"""The networks that a record of each problem keeps, the default first."""


def predict_folder(run: Path, images: Path, out: Path, model: str | None = None, device: str = "auto") -> str:
    """Name the digits in the folder `images` and write `out`, a csv `image_name,label` sorted by name.

    run: folder of a record; model: which of its networks, None for the default; device: as the parameter of runs.
    Returns a line that says what was done. Raises WorkbookError for whatever cannot be read, used or written; `out` is
    then as it was before.
    """
    record = Record.load(run)
    name = _networks(record)[0] if model is None else model
    _check_free(out, images)
    device = read("p3", {"profile": "smoke", "device": device}).device  # one place knows how devices are called
    compute = choose(device, "float32", deterministic=True)
    network = load_model(record, name)
    names, pixels = unlabelled(images)
    labels = predict(compute.place(network), pixels, compute).tolist()
    _write(out, names, labels)
    count = "1 image" if len(names) == 1 else f"{len(names)} images"
    trained = f"profile {record.run.get('profile', '?')}" + (", trained on stand-ins" if _stands_in(record) else "")
    return f"{count} named by {name} of {record.run.get('id', run.name)} ({trained}) on {compute.device}: {out}"


def _stands_in(record: Record) -> bool:
    sets = record.run.get("data", {}).get("sets", [])
    return any(s.get("stand_in") for s in sets if isinstance(s, dict))


def load_model(record: Record, name: str) -> nn.Module:
    """Return the network that `record`, of problem 3 or 4, keeps as `name`, with its weights, in evaluation mode.

    It takes images (B, 3, 28, 28) in [-1, 1] to log-probabilities (B, 10), and is on the CPU in float32, whatever
    format the file has. Raises WorkbookError when the record has no such network or its weights do not fit.
    """
    if name not in (names := _networks(record)):
        raise WorkbookError(
            f"model: {name!r} is not in {record.folder}; a run of {record.problem} has {', '.join(names)}"
        )
    network = DANN() if record.problem == "p3" else _build(_config(record))
    state = record.weights(name)
    _check_fit(record.folder / f"{name}.safetensors", state, network.state_dict())
    network.load_state_dict(state)
    return network.eval()


def _networks(record: Record) -> tuple[str, ...]:
    problem = str(record.run.get("problem"))
    if problem not in NETWORKS:
        raise WorkbookError(f"{record.folder}: a run of {problem}, which names no digits; give one of p3 or p4")
    return NETWORKS[problem]


def _config(record: Record) -> Config:
    """The record's parameters as they are understood today: new ones have their defaults, dropped ones do not count."""
    path, params = record.folder / "run.json", record.run.get("params")
    if not isinstance(params, dict):
        raise WorkbookError(f"{path}: there are no parameters in it; run it again with --force")
    known = {field.name for field in dataclasses.fields(CONFIGS[record.problem])}
    try:
        return read(record.problem, {name: value for name, value in params.items() if name in known})
    except WorkbookError as error:
        raise WorkbookError(f"{path}: {error}; run it again with --force") from None


def _build(config: Config) -> nn.Module:
    """The network of problem 4. Its pretrained trunk is among the run's weights, so nothing is fetched for it; but it
    is to see ImageNet's normalisation, as in training."""
    network = build_model(dataclasses.replace(config, weights="none"))
    if isinstance(network, ResNet34DANN):
        network.frozen = config.weights != "none"
    return network


def _check_fit(path: Path, state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    shapes, theirs = ({key: tensor.shape for key, tensor in tensors.items()} for tensors in (wanted, state))
    if wrong := sorted(key for key in shapes | theirs if shapes.get(key) != theirs.get(key)):
        raise WorkbookError(
            f"{path}: these weights do not fit the run's network ({wrong[0]} and {len(wrong) - 1} more are missing, "
            "unknown or of another shape); put the run's own file there, or run it again with --force"
        )
    if broken := sorted(key for key, tensor in state.items() if not tensor.isfinite().all()):
        raise WorkbookError(f"{path}: {broken[0]} has numbers that are not finite; run it again with --force")


def _check_free(out: Path, images: Path) -> None:
    """What can be said of `out` before the work is done."""
    if not os.path.isdir(out.parent):
        raise WorkbookError(f"out: {out.parent} is no folder; make it first, or write elsewhere")
    if os.path.exists(out) and not os.path.isfile(out):
        raise WorkbookError(f"out: {out} is no file; give the name of a csv")
    if os.path.dirname(os.path.realpath(out)) == os.path.realpath(images):
        raise WorkbookError(f"out: {out} would lie among the images; write it to another folder")


def _write(out: Path, names: list[str], labels: list[int]) -> None:
    """Write the csv to a temporary name beside `out` and move it there, so that `out` is whole or untouched."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("image_name", "label"))
    rows.writerows(zip(names, labels, strict=True))
    place = Path(os.path.realpath(out))  # where `out` is a link, its file is replaced and the link stays
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        try:
            temporary.write_bytes(text.getvalue().encode())
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorkbookError(f"out: cannot write {out} ({error.strerror}); mend that, or write elsewhere") from None
