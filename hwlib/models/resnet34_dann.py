"""Problem 4, the report's own improvement: a ResNet-34 trunk under the heads of the DANN."""

from collections import OrderedDict

import torch
from torch import nn

from hwlib.errors import WorkbookError
from hwlib.models.dann import DomainAdversarialNetwork, class_head, domain_head
from hwlib.models.small_maps import convolve, convolve_transposed
from hwlib.paths import anchored

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class ResNet34DANN(DomainAdversarialNetwork):
    """ResNet-34 (He et al. 2016) to 512x1x1, three transposed convolutions to 64x8x8, conv5 to 800 features.

    24,289,446 parameters. `weights` is `none` (the trunk starts from random weights and is trained), `imagenet`
    (torchvision's pretrained trunk) or a file with a ResNet-34 state dict; a pretrained trunk is frozen and stays in
    evaluation mode, so that its batch statistics do not drift, and sees ImageNet's normalisation.

    Exceptions from the print: those of `class_head`; the print has lost the second half of block 4 of layer 6 and the
    header of the extractor behind the trunk, called `cnn_layer` here after the DANN's.
    """

    def __init__(self, weights: str = "none") -> None:
        super().__init__()
        self.resnet34 = nn.Sequential(*list(_trunk(weights).children())[:-2])
        self.cnn_layer = nn.Sequential(
            OrderedDict(
                r_conv1=_up(512, 256),
                r_relu1=nn.ReLU(inplace=True),
                r_conv2=_up(256, 128),
                r_relu2=nn.ReLU(inplace=True),
                r_conv3=_up(128, 64),
                r_relu3=nn.ReLU(inplace=True),
                f_conv2=nn.Conv2d(64, 50, 5),
                f_bn2=nn.BatchNorm2d(50),
                f_dropout1=nn.Dropout2d(0.5),
                f_relu2=nn.ReLU(inplace=True),
            )
        )
        heads = class_head()
        self.classify_class = nn.Sequential(
            OrderedDict((name.replace("drop1", "dropout1"), module) for name, module in heads.named_children())
        )
        self.classify_domain = domain_head()
        self.frozen = weights != "none"
        if self.frozen:
            self.resnet34.requires_grad_(False).eval()
        # From [-1, 1] to ImageNet's normalisation: x/2 + 1/2, then minus mean, over std; not part of the weights.
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("scale", (0.5 / std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", ((0.5 - mean) / std).view(1, 3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> "ResNet34DANN":
        super().train(mode)
        if self.frozen:
            self.resnet34.eval()
        return self

    def features(self, images: torch.Tensor) -> torch.Tensor:
        if self.frozen:
            with torch.no_grad():
                maps = self._trunk_maps(images * self.scale + self.shift)
        else:
            maps = self._trunk_maps(images)
        return self.cnn_layer[1:](convolve_transposed(self.cnn_layer[0], maps)).flatten(1)

    def _trunk_maps(self, images: torch.Tensor) -> torch.Tensor:
        """`self.resnet34(images)`, (B, 512, 1, 1); layers 3 and 4 have maps of 2x2 and 1x1, see `small_maps`."""
        maps = self.resnet34[:6](images)
        for block in (*self.resnet34[6], *self.resnet34[7]):
            maps = _basic_block(block, maps)
        return maps


def _basic_block(block: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """`block(x)` of torchvision's `BasicBlock`, its convolutions by `convolve`."""
    y = block.relu(block.bn1(convolve(block.conv1, x)))
    y = block.bn2(convolve(block.conv2, y))
    return block.relu(y + (x if block.downsample is None else block.downsample(x)))


def _trunk(weights: str) -> nn.Module:
    from torchvision.models import ResNet34_Weights, resnet34

    if weights == "none":
        return resnet34(weights=None)
    if weights == "imagenet":
        try:
            return resnet34(weights=ResNet34_Weights.IMAGENET1K_V1)
        except (OSError, RuntimeError) as error:
            raise WorkbookError(
                f"weights: the ImageNet weights cannot be fetched ({error}); put the file somewhere and give its path, "
                "or use weights none"
            ) from None
    path = anchored(weights, "weights")
    if not path.is_file():
        raise WorkbookError(f"weights: {weights!r} is neither none, nor imagenet, nor a file")
    net = resnet34(weights=None)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WorkbookError(f"weights: {path} does not hold a ResNet-34 state dict ({reason})") from None
    return net
