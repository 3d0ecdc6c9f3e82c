"""Gradient reversal, and the frozen trunk."""

import pytest
import torch

from hwlib.errors import WorkbookError
from hwlib.models import ResNet34DANN, reverse_gradient


def test_reversal_is_identity_forwards_and_negative_backwards():
    x = torch.randn(4, 3, requires_grad=True)
    y = reverse_gradient(x, 0.25)
    assert torch.equal(y, x)
    (y * torch.arange(3.0)).sum().backward()
    assert torch.equal(x.grad, -0.25 * torch.arange(3.0).expand(4, 3))


@pytest.fixture(scope="module")
def resnet34_file(tmp_path_factory):
    from torchvision.models import resnet34

    path = tmp_path_factory.mktemp("weights") / "resnet34.pth"
    torch.save(resnet34(weights=None).state_dict(), path)
    return path


def test_pretrained_trunk_is_frozen_and_stays_in_evaluation_mode(resnet34_file):
    network = ResNet34DANN(str(resnet34_file)).train()
    before = {name: value.clone() for name, value in network.resnet34.state_dict().items()}
    network(torch.rand(4, 3, 28, 28)).sum().backward()
    assert not any(p.requires_grad for p in network.resnet34.parameters())
    assert not any(module.training for module in network.resnet34.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.resnet34.state_dict().items())
    assert network.cnn_layer.r_conv1.weight.grad is not None


def test_pretrained_trunk_sees_imagenet_normalisation(resnet34_file):
    network = ResNet34DANN(str(resnet34_file)).eval()
    seen = []
    network.resnet34[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.full((1, 3, 28, 28), 1.0))  # white
    expected = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen[0][0, :, 0, 0], expected)


def test_trunk_without_weights_is_trained():
    assert all(p.requires_grad for p in ResNet34DANN().parameters())


@pytest.mark.parametrize("content", [b"not weights", None])
def test_unfit_weights_are_one_clear_line(tmp_path, content):
    path = tmp_path / "trunk.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorkbookError, match=r"^weights: .*trunk\.pth") as error:
        ResNet34DANN(str(path))
    assert "\n" not in str(error.value)
