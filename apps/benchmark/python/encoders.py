"""Our encoders in PyTorch, at 112x112."""
import sys
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[3] / "packages" / "encoders" / "scripts"))
from reference import build  # noqa: E402

BLOCKS = {"iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3), "iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def iresnet(blocks):
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
    channels = 64
    for stage, count in enumerate(blocks):
        for index in range(count):
            layers.append(Block(channels, 64 << stage, 2 if index == 0 else 1))
            channels = 64 << stage
    layers += [nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512)]
    model = nn.Sequential(*layers)
    model[-1].weight.requires_grad = False
    return model


def unit(inputs, outputs, kernel, stride=1, groups=1, padding=None, activation=True):
    padding = kernel // 2 if padding is None else padding
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return layers + ([nn.PReLU(outputs)] if activation else [])


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        inner = inputs * expansion
        self.body = nn.Sequential(
            *unit(inputs, inner, 1),
            *unit(inner, inner, 3, stride, groups=inner),
            *unit(inner, outputs, 1, activation=False),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilefacenet():
    layers = [*unit(3, 64, 3, 2), *unit(64, 64, 3, groups=64)]
    channels = 64
    for expansion, outputs, repeats, stride in [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]:
        for index in range(repeats):
            layers.append(Bottleneck(channels, outputs, expansion, stride if index == 0 else 1))
            channels = outputs
    layers += unit(128, 512, 1) + unit(512, 512, 7, groups=512, padding=0, activation=False)
    return nn.Sequential(*layers, *unit(512, 512, 1, activation=False), nn.Flatten())


def make_encoder(name):
    if name == "mobile-face-net":
        return mobilefacenet()
    return iresnet(BLOCKS[name]) if name in BLOCKS else build(name, (112, 112), 512, 1)
