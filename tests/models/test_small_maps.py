"""The quick convolutions on small maps against the layers themselves, values and gradients."""

import pytest
import torch
from torch import nn

from hwlib.models import ResNet34DANN
from hwlib.models.small_maps import convolve, convolve_transposed


def both(layer, function, x):
    """Output, gradient of the input and gradient of the weight, by the layer and by the function."""
    results = []
    for forward in (layer, lambda x: function(layer, x)):
        layer.zero_grad(set_to_none=True)
        leaf = x.clone().requires_grad_()
        y = forward(leaf)
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum().backward()
        results.append((y.detach(), leaf.grad, layer.weight.grad.clone()))
    return results


def assert_close(layer, function, x):
    plain, quick = both(layer, function, x)
    for one, other in zip(plain, quick, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_convolution(size, stride, layout):
    torch.manual_seed(0)
    layer = nn.Conv2d(5, 6, 3, stride, 1, bias=False).double().to(memory_format=layout)
    x = torch.randn(4, 5, size, size, dtype=torch.float64).to(memory_format=layout)
    assert_close(layer, convolve, x)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 2)])
def test_transposed_convolution(size):
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(5, 6, 4, 2, 1, bias=False).double()
    assert_close(layer, convolve_transposed, torch.randn(4, 5, *size, dtype=torch.float64))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, 1, 1, bias=True),
        nn.Conv2d(4, 4, 3, 1, 0, bias=False),
        nn.Conv2d(4, 4, 3, 1, 2, dilation=2, bias=False),
        nn.Conv2d(4, 4, 3, 1, 1, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, 1, 1, padding_mode="circular", bias=False),
        nn.Conv2d(4, 4, 1, bias=False),
    ],
)
def test_other_layers_are_left_to_themselves(layer):
    x = torch.randn(2, 4, 2, 2, dtype=torch.float64)
    if layer.padding == (0, 0) and layer.kernel_size == (3, 3):
        x = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(convolve(layer.double(), x), layer(x))


def test_resnet_gives_the_features_of_its_printed_layers():
    """In float64, where rounding flips no unit: output and gradients of the quick path and of the tree as printed."""
    torch.manual_seed(0)
    model = ResNet34DANN().double().train()
    model.cnn_layer.f_dropout1.p = 0
    x = torch.randn(4, 3, 28, 28, dtype=torch.float64)
    state = {name: value.clone() for name, value in model.state_dict().items()}

    def outcome(forward):
        model.load_state_dict(state)
        model.zero_grad(set_to_none=True)
        y = forward(x)
        y.square().mean().backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        return y.detach(), gradients, {name: buffer.clone() for name, buffer in model.named_buffers()}

    quick = outcome(model.features)
    plain = outcome(lambda x: model.cnn_layer(model.resnet34(x)).flatten(1))
    torch.testing.assert_close(quick[0], plain[0])
    assert quick[1].keys() == plain[1].keys()
    whole = sum(g.square().sum() for g in plain[1].values()).sqrt()
    for name, gradient in plain[1].items():
        assert (quick[1][name] - gradient).norm() <= 1e-7 * gradient.norm() + 1e-10 * whole, name
    for name, buffer in plain[2].items():
        torch.testing.assert_close(quick[2][name], buffer)
