"""What PyTorch computes with the encoders that reference.ts saved: python reference.py FOLDER OUTPUT.json

The networks are written here once more, from the same sources, so that the two can disagree. Files hold kernels as
[height, width, in, out]; to_torch and from_torch are the whole exchange of weights.
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        y = self.conv1(self.bn1(x))
        y = self.bn3(self.conv2(self.prelu(self.bn2(y))))
        return y + self.downsample(x)


class IResNet(nn.Module):
    def __init__(self, blocks, size, embedding, wide):
        super().__init__()
        channels = wide(64)
        self.conv1 = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        for stage, count in enumerate(blocks):
            outputs, layer = wide(64 * 2**stage), []
            for block in range(count):
                layer.append(ResidualBlock(channels, outputs, 2 if block == 0 else 1))
                channels = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.bn2 = nn.BatchNorm2d(channels)
        height, width = (math.ceil(side / 16) for side in size)
        self.fc = nn.Linear(channels * height * width, embedding)
        self.features = nn.BatchNorm1d(embedding)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0, groups=1, linear=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if linear else nn.PReLU(outputs)

    def forward(self, x):
        return self.prelu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        self.connect = stride == 1 and inputs == outputs
        inner = inputs * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return x + self.conv(x) if self.connect else self.conv(x)


class MobileFaceNet(nn.Module):
    def __init__(self, size, embedding, wide):
        super().__init__()
        channels, last = wide(64), wide(512)
        self.conv1 = Unit(3, channels, 3, 2, 1)
        self.dw_conv1 = Unit(channels, channels, 3, 1, 1, groups=channels)
        blocks = []
        for expansion, outputs, repeats, stride in [
            (2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1),
        ]:
            for i in range(repeats):
                blocks.append(Bottleneck(channels, wide(outputs), stride if i == 0 else 1, expansion))
                channels = wide(outputs)
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = Unit(channels, last, 1)
        kernel = tuple(math.ceil(side / 16) for side in size)
        self.linear7 = Unit(last, last, kernel, groups=last, linear=True)
        self.linear1 = Unit(last, embedding, 1, linear=True)

    def forward(self, x):
        x = self.blocks(self.dw_conv1(self.conv1(x)))
        return self.linear1(self.linear7(self.conv2(x))).flatten(1)


DEPTHS = {"iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3), "iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}


def build(name, size, embedding, width):
    def wide(channels):
        return max(8, math.floor(channels * width / 8 + 0.5) * 8)

    # Files have it without hyphens.
    if name.replace("-", "") == "mobilefacenet":
        return MobileFaceNet(size, embedding, wide)
    return IResNet(DEPTHS[name], size, embedding, wide)


def to_torch(tensor, name, shape):
    if tensor.ndim == 4:
        tensor = tensor.permute(2, 3, 0, 1) if name_is_depthwise(name) else tensor.permute(3, 2, 0, 1)
    return tensor.reshape(shape)


def from_torch(tensor, name, shape):
    if len(shape) == 4:
        height, width, inputs, outputs = shape
        if name_is_depthwise(name):
            return tensor.permute(2, 3, 0, 1).contiguous()
        return tensor.reshape(outputs, inputs, height, width).permute(2, 3, 1, 0).contiguous()
    return tensor


def name_is_depthwise(name):
    return name.endswith(".conv.3.weight") or name in ("dw_conv1.conv.weight", "linear7.conv.weight")


def digest(tensor):
    """Two numbers that change with every element and with their order."""
    flat = tensor.detach().double().flatten()
    weights = torch.cos(torch.arange(1, flat.numel() + 1, dtype=torch.float64))
    return [float(flat @ weights), float(flat.norm())]


def rows(tensor):
    return [[round(value, 6) for value in row] for row in tensor.detach().tolist()]


def run_case(folder, index):
    with safe_open(folder / f"{index}.safetensors", "pt") as file:
        metadata = file.metadata()
        saved = {key: file.get_tensor(key) for key in file.keys()}
    with safe_open(folder / f"{index}-images.safetensors", "pt") as file:
        images = file.get_tensor("images")
    options, card = json.loads(metadata["options"]), json.loads(metadata["card"])
    model = build(metadata["name"], options["inputSize"], options["embeddingSize"], options["width"])
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert set(state) == set(saved), sorted(set(state) ^ set(saved))
    model.load_state_dict({k: to_torch(saved[k], k, v.shape) for k, v in state.items()}, strict=False)

    normalization = card["normalization"]
    x = ((images.double() - normalization["mean"]) / normalization["std"]).permute(0, 3, 1, 2).contiguous()
    model.double().eval()
    inference = model(x)
    model.train()
    training = model(x)
    weights = torch.cos(torch.arange(1, training.numel() + 1, dtype=torch.float64)).reshape(training.shape)
    (training * weights).sum().backward()
    after = model.state_dict()
    return {
        "name": metadata["name"],
        "options": options,
        "inference": rows(inference),
        "training": rows(training),
        "running": {k: digest(after[k]) for k in saved if "running" in k},
        "gradients": {
            k: digest(from_torch(p.grad, k, saved[k].shape)) for k, p in model.named_parameters() if p.requires_grad
        },
    }


def count(name, size, embedding, width):
    model = build(name, size, embedding, width).eval()
    macs = 0

    def hook(module, _, output):
        nonlocal macs
        if isinstance(module, nn.Conv2d):
            macs += output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            macs += module.weight.numel()

    for module in model.modules():
        module.register_forward_hook(hook)
    with torch.no_grad():
        model(torch.zeros(1, 3, *size))
    options = {"inputSize": list(size), "embeddingSize": embedding, "width": width}
    return {
        "name": name,
        "options": options,
        "parameters": sum(p.numel() for p in model.parameters()),
        "macs": macs,
    }


def main(folder, output):
    torch.manual_seed(0)
    cases = [run_case(folder, i) for i in range(len(list(folder.glob("*-images.safetensors"))))]
    counts = [
        count(name, size, embedding, width)
        for name, size, embedding, width in [
            ("mobile-face-net", (112, 112), 128, 1),
            ("iresnet18", (112, 112), 512, 1),
            ("iresnet34", (112, 112), 512, 1),
            ("iresnet50", (112, 112), 512, 1),
            ("iresnet100", (112, 112), 512, 1),
            ("mobile-face-net", (112, 96), 128, 1),
            ("mobile-face-net", (50, 33), 64, 0.3),
            ("iresnet18", (33, 90), 64, 1.5),
            ("iresnet34", (64, 64), 256, 0.1),
        ]
    ]
    output.write_text(json.dumps({"torch": torch.__version__, "counts": counts, "cases": cases}, indent=1) + "\n")
    print(f"{output}: {len(cases)} cases, {len(counts)} counts")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
