"""An IResNet-18 with PyTorch's random weights, and what PyTorch makes of weights that come back.

python torch_weights.py make FOLDER: backbone.pth, faces.u8 (6 images), embeddings.f32; where onnx is there, backbone.onnx
python torch_weights.py check FOLDER FILE.safetensors: prints the largest difference of its embeddings to FILE.f32

The network is that of encoders/scripts/reference.py: names and order of arcface_torch/backbones/iresnet.py.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "encoders" / "scripts"))
from reference import build  # noqa: E402

SIZE, WIDTH, EMBEDDING = 112, 1, 512


def model():
    return build("iresnet18", (SIZE, SIZE), EMBEDDING, WIDTH)


def embed(net, faces):
    with torch.no_grad():
        return net.eval()(((faces.float() - 127.5) / 127.5).permute(0, 3, 1, 2)).numpy()


def faces_of(folder):
    return torch.from_numpy(np.fromfile(folder / "faces.u8", np.uint8).reshape(-1, SIZE, SIZE, 3))


folder = Path(sys.argv[2])
if sys.argv[1] == "make":
    torch.manual_seed(7)
    net = model()
    blots = torch.rand(6, 3, 7, 7) * 255
    faces = torch.nn.functional.interpolate(blots, SIZE, mode="bilinear").permute(0, 2, 3, 1).to(torch.uint8).contiguous()
    for _ in range(20):
        # Running statistics that are not those of the first step.
        net.train()(((faces.float() - 127.5) / 127.5).permute(0, 3, 1, 2))
    faces.numpy().tofile(folder / "faces.u8")
    embed(net, faces).astype(np.float32).tofile(folder / "embeddings.f32")
    torch.save(net.state_dict(), folder / "backbone.pth")
    if importlib.util.find_spec("onnx"):
        example = torch.zeros(1, 3, SIZE, SIZE)
        torch.onnx.export(net.eval(), example, folder / "backbone.onnx", input_names=["data"], opset_version=11, dynamo=False)
else:
    data = Path(sys.argv[3]).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    net = model()
    net.load_state_dict({
        name: torch.from_numpy(np.frombuffer(body[slice(*one["data_offsets"])], np.float32).reshape(one["shape"]).copy())
        for name, one in header.items()
    })
    ours = np.fromfile(sys.argv[3] + ".f32", np.float32).reshape(-1, EMBEDDING)
    print(float(np.abs(embed(net, faces_of(folder)) - ours).max()))
