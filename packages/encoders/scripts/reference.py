"""What PyTorch computes with the encoders that reference.ts saved: python reference.py FOLDER OUTPUT.json

The networks are written here once more, from the same sources, so that the two can disagree. Files hold kernels as
[height, width, in, out]; to_torch and from_torch are the whole exchange of weights.
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch import nn


class Excitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        squeezed = max(1, channels // 16)
        self.fc1 = nn.Conv2d(channels, squeezed, 1, bias=False)
        self.fc2 = nn.Conv2d(squeezed, channels, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, excitation):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se_block = Excitation(outputs) if excitation else nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        y = self.conv1(self.bn1(x))
        y = self.se_block(self.bn3(self.conv2(self.prelu(self.bn2(y)))))
        return y + self.downsample(x)


class IResNet(nn.Module):
    def __init__(self, blocks, size, embedding, wide, excitation):
        super().__init__()
        channels = wide(64)
        self.conv1 = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        for stage, count in enumerate(blocks):
            outputs, layer = wide(64 * 2**stage), []
            for block in range(count):
                layer.append(ResidualBlock(channels, outputs, 2 if block == 0 else 1, excitation))
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


def strided(channels, kernel, stride):
    return nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)


class GhostModule(nn.Module):
    def __init__(self, inputs, outputs, activated):
        super().__init__()
        half = outputs // 2

        def unit(convolution):
            return nn.Sequential(convolution, nn.BatchNorm2d(half), *([nn.PReLU(half)] if activated else []))

        self.primary_conv = unit(nn.Conv2d(inputs, half, 1, bias=False))
        self.cheap_operation = unit(strided(half, 3, 1))

    def forward(self, x):
        x = self.primary_conv(x)
        return torch.cat([x, self.cheap_operation(x)], 1)


class HardExcitation(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, squeezed, 1)
        self.act1 = nn.PReLU(squeezed)
        self.conv_expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        gate = self.conv_expand(self.act1(self.conv_reduce(x.mean((2, 3), keepdim=True))))
        return x * nn.functional.hardsigmoid(gate)


class GhostBottleneck(nn.Module):
    def __init__(self, inputs, inner, outputs, kernel, stride, squeezed):
        super().__init__()
        self.ghost1 = GhostModule(inputs, inner, True)
        self.conv_dw = strided(inner, kernel, stride) if stride > 1 else nn.Identity()
        self.bn_dw = nn.BatchNorm2d(inner) if stride > 1 else nn.Identity()
        self.se = HardExcitation(inner, squeezed) if squeezed else nn.Identity()
        self.ghost2 = GhostModule(inner, outputs, False)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                strided(inputs, kernel, stride), nn.BatchNorm2d(inputs),
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
            )

    def forward(self, x):
        return self.ghost2(self.se(self.bn_dw(self.conv_dw(self.ghost1(x))))) + self.shortcut(x)


class Named(nn.Module):
    """Layers one after the other, by name."""

    def __init__(self, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


# Kernel, channels inside, behind, those of the gate in quarters, stride: Table 1 of GhostNet, times 1.3 in multiples of 4.
GHOSTS = [
    [(3, 20, 20, 0, 1)], [(3, 64, 32, 0, 2)], [(3, 92, 32, 0, 1)], [(5, 92, 52, 1, 2)], [(5, 156, 52, 1, 1)], [(3, 312, 104, 0, 2)],
    [(3, 260, 104, 0, 1), (3, 240, 104, 0, 1), (3, 240, 104, 0, 1), (3, 624, 144, 1, 1), (3, 872, 144, 1, 1)],
    [(5, 872, 208, 1, 2)],
    [(5, 1248, 208, 0, 1), (5, 1248, 208, 1, 1), (5, 1248, 208, 0, 1), (5, 664, 208, 1, 1)],
]


def ghost_face_net(stride, size, embedding, width):
    def fours(channels):
        return max(4, math.floor(channels / 4 + 0.5) * 4)

    channels, last, stages = fours(20 * width), fours(664 * width), []
    stem = {"conv_stem": nn.Conv2d(3, channels, 3, stride, 1, bias=False), "bn1": nn.BatchNorm2d(channels), "act1": nn.PReLU(channels)}
    for rows in GHOSTS:
        stage = []
        for kernel, inner, outer, quarters, step in rows:
            inner, outer = fours(inner * width), fours(outer * width)
            stage.append(GhostBottleneck(channels, inner, outer, kernel, step, fours(inner / 4) if quarters else 0))
            channels = outer
        stages.append(nn.Sequential(*stage))
    head = Named(conv=nn.Conv2d(channels, last, 1, bias=False), bn1=nn.BatchNorm2d(last), act1=nn.PReLU(last))
    kernel = tuple(math.ceil(side / 16 / stride) for side in size)
    return Named(
        **stem,
        blocks=nn.Sequential(*stages, nn.Sequential(head)),
        classifier=Named(
            conv_dw=nn.Conv2d(last, last, kernel, groups=last, bias=False),
            bn1=nn.BatchNorm2d(last),
            conv=nn.Conv2d(last, embedding, 1, bias=False),
            bn2=nn.BatchNorm2d(embedding),
        ),
        flatten=nn.Flatten(),
    )


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x):
        batch, tokens, channels = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, 8, channels // 8).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, channels))


class VitBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(channels), Attention(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Named(fc1=nn.Linear(channels, 4 * channels), act=nn.ReLU6(), fc2=nn.Linear(4 * channels, channels))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, size, embedding, channels):
        super().__init__()
        tokens = (size[0] // 9) * (size[1] // 9)
        self.patch_embed = Named(proj=nn.Conv2d(3, channels, 9, 9))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, channels))
        # For load_state_dict alone.
        self.mask_token = nn.Parameter(torch.zeros(1, 1, channels), requires_grad=False)
        self.blocks = nn.Sequential(*[VitBlock(channels) for _ in range(12)])
        self.norm = nn.LayerNorm(channels)
        self.feature = nn.Sequential(
            nn.Linear(channels * tokens, channels, bias=False),
            nn.BatchNorm1d(channels, eps=2e-5),
            nn.Linear(channels, embedding, bias=False),
            nn.BatchNorm1d(embedding, eps=2e-5),
        )

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2) + self.pos_embed
        return self.feature(self.norm(self.blocks(x)).flatten(1))


DEPTHS = {"iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3), "iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}


def build(name, size, embedding, width):
    def wide(channels):
        return max(8, math.floor(channels * width / 8 + 0.5) * 8)

    # Files have it without hyphens.
    if name.replace("-", "") == "mobilefacenet":
        return MobileFaceNet(size, embedding, wide)
    if name.startswith("ghost-face-net"):
        return ghost_face_net(int(name[-1]), size, embedding, width)
    if name.startswith("vit"):
        return Vit(size, embedding, wide({"vit-tiny": 256, "vit-small": 512}[name]))
    return IResNet(DEPTHS[name.removesuffix("-se")], size, embedding, wide, name.endswith("-se"))


def to_torch(tensor, name, shape):
    if tensor.ndim == 4:
        tensor = tensor.permute(2, 3, 0, 1) if name_is_depthwise(name) else tensor.permute(3, 2, 0, 1)
    return (tensor.T if tensor.ndim == 2 else tensor).reshape(shape)


def from_torch(tensor, name, shape):
    if len(shape) == 4:
        height, width, inputs, outputs = shape
        if name_is_depthwise(name):
            return tensor.permute(2, 3, 0, 1).contiguous()
        return tensor.reshape(outputs, inputs, height, width).permute(2, 3, 1, 0).contiguous()
    return tensor.T.contiguous() if len(shape) == 2 else tensor


def name_is_depthwise(name):
    ends = (".conv.3.weight", "cheap_operation.0.weight", "conv_dw.weight", "shortcut.0.weight")
    return name.endswith(ends) or name in ("dw_conv1.conv.weight", "linear7.conv.weight")


def digest(tensor):
    """Two numbers that change with every element and with their order."""
    flat = tensor.detach().double().flatten()
    weights = torch.cos(torch.arange(1, flat.numel() + 1, dtype=torch.float64))
    return [float(flat @ weights), float(flat.norm())]


def rows(tensor):
    return [[round(value, 6) for value in row] for row in tensor.detach().tolist()]


def run_case(folder, index):
    # Who only wants the networks may be without.
    from safetensors import safe_open

    with safe_open(folder / f"{index}.safetensors", "pt") as file:
        metadata = file.metadata()
        saved = {key: file.get_tensor(key) for key in file.keys()}
    with safe_open(folder / f"{index}-images.safetensors", "pt") as file:
        images = file.get_tensor("images")
    options, card = json.loads(metadata["options"]), json.loads(metadata["card"])
    model = build(metadata["name"], options["inputSize"], options["embeddingSize"], options["width"])
    state = {k: v for k, v in model.state_dict().items() if not k.endswith(("num_batches_tracked", "mask_token"))}
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
            # Of each token, where there are several.
            macs += module.weight.numel() * (output[0].numel() // module.out_features)
        elif isinstance(module, Attention):
            macs += 2 * output[0].shape[0] * output[0].numel()

    for module in model.modules():
        module.register_forward_hook(hook)
    with torch.no_grad():
        model(torch.zeros(1, 3, *size))
    options = {"inputSize": list(size), "embeddingSize": embedding, "width": width}
    return {
        "name": name,
        "options": options,
        "parameters": sum(p.numel() for name, p in model.named_parameters() if name != "mask_token"),
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
            ("iresnet18-se", (112, 112), 512, 1),
            ("iresnet50-se", (112, 112), 512, 1),
            ("ghost-face-net-s1", (112, 112), 512, 1),
            ("ghost-face-net-s2", (112, 112), 512, 1),
            ("vit-tiny", (112, 112), 512, 1),
            ("vit-small", (112, 112), 512, 1),
            ("iresnet18-se", (33, 90), 64, 0.1),
            ("ghost-face-net-s1", (50, 33), 64, 0.3),
            ("vit-tiny", (33, 90), 64, 1.5),
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
