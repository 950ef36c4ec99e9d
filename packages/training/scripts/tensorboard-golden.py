"""Writes fixtures/tensorboard.json: summaries as tensorboard's own protocol buffers have them, hexadecimal.

    pip install tensorboard
    python scripts/tensorboard-golden.py
"""

import json
import pathlib

import numpy as np
from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.pr_curve import plugin_data_pb2

scalar = summary_pb2.Summary.Value(tag="train/loss", simple_value=0.25)

image = summary_pb2.Summary.Value(
    tag="batch/faces",
    image=summary_pb2.Summary.Image(height=300, width=2, colorspace=3, encoded_image_string=bytes(range(200))),
)

values = np.array([1, 2, 2, 4, 31], np.float64)
counts, edges = np.histogram(values, 30)
histogram = summary_pb2.Summary.Value(
    tag="memory/ages",
    histo=summary_pb2.HistogramProto(
        min=1,
        max=31,
        num=5,
        sum=values.sum(),
        sum_squares=(values**2).sum(),
        bucket_limit=edges[1:],
        bucket=counts,
    ),
)

scores = np.array([0.9, 0.505, -0.25, 0.1, -0.995, 0.5])
labels = np.array([1, 1, 1, 0, 0, 0])
buckets = np.floor((1 + scores) / 2 * 200).astype(int)
reached = buckets[None, :] >= np.arange(201)[:, None]
tp = (reached & (labels == 1)).sum(1)
fp = (reached & (labels == 0)).sum(1)
table = np.stack([tp, fp, 3 - fp, 3 - tp, np.where(tp, tp / np.maximum(tp + fp, 1), 0), tp / 3])
curve = summary_pb2.Summary.Value(
    tag="evaluation/pairs",
    tensor=tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(
            dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in table.shape]
        ),
        float_val=table.astype(np.float32).ravel(),
    ),
    metadata=summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(
            plugin_name="pr_curves",
            content=plugin_data_pb2.PrCurvePluginData(num_thresholds=201).SerializeToString(),
        ),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    ),
)

cases = {"scalar": scalar, "image": image, "histogram": histogram, "curve": curve}
golden = {name: summary_pb2.Summary(value=[value]).SerializeToString().hex() for name, value in cases.items()}
path = pathlib.Path(__file__).parent.parent / "fixtures/tensorboard.json"
path.write_text(json.dumps(golden, indent=2) + "\n")
