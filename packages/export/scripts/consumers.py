"""What independent programs make of exported models: python consumers.py FOLDER

FOLDER holds cases.json: a list of { file, target, normalize, encoder, size, width, embedding }, faces.u8 (RGB, of all
cases of one size: [N, size, size, 3]) as faces-SIZE.u8, and beside each file FILE.f32: our own embeddings [N, embedding].
Prints JSON: for each case and program the lowest cosine, or why it was refused or left out.

The rules of InsightFace's loader (python-package/insightface/model_zoo/arcface_onnx.py) and of the MFR challenge's checker
(recognition/arcface_torch/onnx_helper.py) are written here once more.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
have = {name: importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime", "cv2", "torch")}


def lowest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"{found.shape}, expected {expected.shape}"
    # Without what all faces share: where that is most of it, any model would do.
    return min(cosines(found, expected).min(), cosines(found - expected.mean(0), expected - expected.mean(0)).min())


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def planar(faces, mean, scale):
    return ((faces.astype(np.float32) - mean) / scale).transpose(0, 3, 1, 2)


def checker(file, case, faces, expected):
    import onnx

    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    sides = inferred.graph.output[0].type.tensor_type.shape.dim
    assert sides[0].dim_param and sides[1].dim_value == case["embedding"]
    return "valid"


def onnxruntime_plain(file, case, faces, expected):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    mean, scale = (0, 1) if case["normalize"] == "inside" else (127.5, 127.5)
    together = session.run(["embedding"], {"data": planar(faces, mean, scale)})[0]
    alone = np.concatenate([session.run(None, {"data": planar(faces[i : i + 1], mean, scale)})[0] for i in range(2)])
    return min(lowest(together, expected), lowest(alone, expected[:2]))


def insightface(file, case, faces, expected):
    import onnx
    import onnxruntime

    find_sub = find_mul = False
    graph = onnx.load(file).graph
    for node in list(graph.node)[:8]:
        find_sub = find_sub or node.name.startswith("Sub") or node.name.startswith("_minus")
        find_mul = find_mul or node.name.startswith("Mul") or node.name.startswith("_mul")
    mean, std = (0.0, 1.0) if find_sub and find_mul else (127.5, 127.5)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), session.get_outputs()
    assert len(inputs) == 1 and len(outputs) == 1
    # get_model takes a model for a recogniser by these sides.
    height, width = inputs[0].shape[2:4]
    assert height == width and height >= 112 and height % 16 == 0, f"{height} x {width}: no recogniser there"
    blob = planar(faces, mean, std)
    return lowest(session.run([outputs[0].name], {inputs[0].name: blob})[0], expected)


def mfr(file, case, faces, expected):
    import onnx
    import onnxruntime

    model = onnx.load(file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (data,) = session.get_inputs()
    assert isinstance(data.shape[0], str), "the batch has to be symbolic"
    assert tuple(data.shape[2:4]) == (112, 112), f"{data.shape[2:4]}, not 112 x 112"
    assert len(model.graph.node) >= 8
    small = [t.name for t in model.graph.initializer if t.data_type in (2, 3, 4, 5, 9, 10)]
    assert not small, f"weights of less than 4 bytes: {small[0]}"
    assert len(session.get_outputs()) == 1 and expected.shape[1] <= 512
    assert Path(file).stat().st_size <= 2**30
    found = session.run(None, {data.name: planar(faces, *((0, 1) if case["normalize"] == "inside" else (127.5, 127.5)))})
    return lowest(found[0], expected)


def opencv(file, case, faces, expected):
    import cv2

    recognizer = cv2.FaceRecognizerSF.create(file, "")
    # Images as OpenCV has them: blue first.
    return lowest(np.concatenate([recognizer.feature(np.ascontiguousarray(one[:, :, ::-1])) for one in faces]), expected)


def pytorch(file, case, faces, expected):
    import torch

    sys.path.insert(0, str(Path(__file__).parents[2] / "encoders" / "scripts"))
    from reference import build

    def read(path):
        data = Path(path).read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        types = {"F32": np.float32, "F16": np.float16}
        return {
            name: torch.from_numpy(
                np.frombuffer(data[8 + length + one["data_offsets"][0] : 8 + length + one["data_offsets"][1]], types[one["dtype"]])
                .reshape(one["shape"]).astype(np.float32)
            )
            for name, one in header.items() if name != "__metadata__"
        }

    model = build(case["encoder"], (case["size"], case["size"]), case["embedding"], case["width"])
    model.load_state_dict(read(file))
    mean, std = case["pixels"]
    with torch.no_grad():
        return lowest(model.eval()(torch.from_numpy(planar(faces, mean, std))).numpy(), expected)


programs = {
    "onnx": [
        ("onnx.checker", ["onnx"], checker),
        ("onnxruntime", ["onnxruntime"], onnxruntime_plain),
        ("insightface's loader", ["onnx", "onnxruntime"], insightface),
        ("MFR's checker", ["onnx", "onnxruntime"], mfr),
        ("OpenCV FaceRecognizerSF", ["cv2"], opencv),
    ],
    "safetensors": [("PyTorch", ["torch"], pytorch)],
}

results = []
for case in json.loads((folder / "cases.json").read_text()):
    faces = np.fromfile(folder / f"faces-{case['size']}.u8", np.uint8).reshape(-1, case["size"], case["size"], 3)
    file = str(folder / case["file"])
    expected = np.fromfile(file + ".f32", np.float32).reshape(len(faces), case["embedding"])
    for name, needs, program in programs.get(case["target"], []):
        missing = [module for module in needs if not have[module]]
        if missing:
            found = f"left out: no module {', '.join(missing)}"
        else:
            try:
                found = program(file, case, faces, expected)
            except Exception as error:  # noqa: BLE001
                found = f"refused: {str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__}"
        results.append({"file": case["file"], "program": name, "found": found})
print(json.dumps(results))
