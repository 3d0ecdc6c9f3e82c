"""The networks are those that the report prints, name by name, and have the printed trees' parameter counts."""

import re
from pathlib import Path

import pytest
import torch

from hwlib.models import DANN, VAE, Discriminator, Generator, ResNet34DANN, parameter_count

PRINTED = Path(__file__).parent / "printed"
LEAF = re.compile(r"^\((\w+)\): (\w+\(.*\))$")

# What differs from the print, and why: see `class_head` in hwlib/models/dann.py.
FAULTS = {
    "(c_drop1): Dropout2d(p=0.5, inplace=False)": "(c_drop1): Dropout(p=0.5, inplace=False)",
    "(c_dropout1): Dropout2d(p=0.5, inplace=False)": "(c_dropout1): Dropout(p=0.5, inplace=False)",
    "(c_softmax): LogSoftmax()": "(c_softmax): LogSoftmax(dim=1)",
    "(d_softmax): LogSoftmax()": "(d_softmax): LogSoftmax(dim=1)",
}


def lines(model):
    """Lines of a model's print as the report's PyTorch wrote them: newer ones add a bias to batch normalisation."""
    return [line.strip().replace("affine=True, bias=True", "affine=True") for line in str(model).splitlines()]


def printed(name):
    text = (PRINTED / f"{name}.txt").read_text()
    return [FAULTS.get(line.strip(), line.strip()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "model"),
    [("vae", VAE), ("generator", Generator), ("discriminator", Discriminator), ("dann", DANN)],
)
def test_tree_is_the_printed_one(name, model):
    assert lines(model()) == printed(name)


def test_resnet34_dann_has_the_printed_leaves():
    ours = [line for line in lines(ResNet34DANN()) if LEAF.match(line)]
    theirs = [line for line in printed("resnet34_dann") if LEAF.match(line)]
    # The print breaks off in block 4 of layer 6 after its first activation: two leaves are lost there.
    of_layer_7 = "(conv1): Conv2d(256, 512, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)"
    start_of_block_5 = theirs.index(of_layer_7) - 5
    lost = [
        "(conv2): Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)",
        "(bn2): BatchNorm2d(256, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
    ]
    assert theirs[start_of_block_5 - 1] == "(relu): ReLU(inplace=True)"
    assert ours == theirs[:start_of_block_5] + lost + theirs[start_of_block_5:]


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (VAE, 3_513_094),
        (Generator, 3_576_704),
        (Discriminator, 2_765_696),
        (DANN, 257_254),
        (ResNet34DANN, 24_289_446),
    ],
)
def test_parameter_count(model, count):
    assert parameter_count(model()) == count


def test_shapes_and_ranges():
    faces, digits = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 28, 28) * 2 - 1
    reconstructions, mean, logvar = VAE()(faces)
    assert reconstructions.shape == faces.shape
    assert mean.shape == logvar.shape == (2, 512)
    generated = Generator()(torch.randn(2, 100))
    assert generated.shape == faces.shape
    assert generated.abs().max() <= 1
    real = Discriminator()(faces)
    assert real.shape == (2,)
    assert ((real > 0) & (real < 1)).all()
    for network in (DANN(), ResNet34DANN()):
        assert network.features(digits).shape == (2, 800)
        torch.testing.assert_close(network(digits).exp().sum(1), torch.ones(2))
