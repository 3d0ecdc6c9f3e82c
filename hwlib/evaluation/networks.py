"""The networks that records keep, built anew with their weights, and what to say of where they come from."""

import dataclasses
from pathlib import Path

import torch
from torch import nn

from hwlib.config import CONFIGS, Config, read
from hwlib.errors import WorkbookError
from hwlib.models import DANN, VAE, Discriminator, Generator, ResNet34DANN
from hwlib.record import Record
from hwlib.training.methods import build_model
from hwlib.training.precision import Compute, choose

NETWORKS = {"p3": ("dann", "source_only", "target_only"), "p4": ("model",)}
"""The networks that a record of each problem keeps, the default first."""


def compute_on(device: str) -> Compute:
    """Where to compute, for `device` as the parameter of runs, in float32 and in the same bits each time."""
    device = read("p3", {"profile": "smoke", "device": device}).device  # one place knows how devices are called
    return choose(device, "float32", deterministic=True)


def told(record: Record) -> str:
    """What a reader must know of the run: its id, its profile, and whether it was trained on stand-ins."""
    trained = f"profile {record.run.get('profile', '?')}" + (", trained on stand-ins" if stands_in(record) else "")
    return f"{record.run.get('id', record.folder.name)} ({trained})"


def stands_in(record: Record) -> bool:
    """Whether any of its sets only stands in for the one whose name it bears."""
    data = record.run.get("data")
    sets = data.get("sets") if isinstance(data, dict) else None
    return any(isinstance(s, dict) and s.get("stand_in") for s in sets or ())


def load_model(record: Record, name: str) -> nn.Module:
    """Return the network that `record`, of problem 3 or 4, keeps as `name`, with its weights, in evaluation mode.

    It takes images (B, 3, 28, 28) in [-1, 1] to log-probabilities (B, 10), and is on the CPU in float32, whatever
    format the file has. Raises WorkbookError when the record has no such network or its weights do not fit.
    """
    problem = record.run.get("problem")
    if problem not in list(NETWORKS):
        raise WorkbookError(f"{record.folder}: a run of {problem}, which names no digits; give one of p3 or p4")
    if name not in NETWORKS[problem]:
        raise WorkbookError(
            f"model: {name!r} is not in {record.folder}; a run of {problem} has {', '.join(NETWORKS[problem])}"
        )
    network = DANN() if problem == "p3" else _build(config_of(record))
    return _filled(network, record.folder / f"{name}.safetensors", record.weights(name))


def load_decoder(record: Record) -> VAE | Generator:
    """Return what makes faces from latents in `record`, of problem 1 or 2: its VAE, or its generator without the
    discriminator, with its weights, in evaluation mode, on the CPU in float32.

    Raises WorkbookError when the weights are not there or do not fit.
    """
    if record.problem == "p1":
        return _filled(VAE(), record.folder / "model.safetensors", record.weights())
    return load_gan(record)[0]


def load_gan(record: Record) -> tuple[Generator, Discriminator]:
    """Return both networks of `record`, of problem 2, as `load_decoder` does the one."""
    both = nn.ModuleDict({"generator": Generator(), "discriminator": Discriminator()})
    _filled(both, record.folder / "model.safetensors", record.weights())
    return both["generator"], both["discriminator"]


def _filled(network: nn.Module, path: Path, state: dict[str, torch.Tensor]) -> nn.Module:
    """The network in evaluation mode with the weights `state`, which the file `path` holds; they must fit."""
    _check_fit(path, state, network.state_dict())
    network.load_state_dict(state)
    return network.eval()


def config_of(record: Record) -> Config:
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
