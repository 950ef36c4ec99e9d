"""Writes fixtures/reference.json: similarity transforms and warps by scikit-image.

    pip install scikit-image==0.26.0
    python packages/alignment/scripts/reference.py

Points: random ones, faces turned, scaled and disturbed, mirrored and collinear ones. Warps: a noise image through an
enlarging and a turning transform, bilinear, black outside.
"""

import json
import pathlib

import numpy as np
from skimage.transform import SimilarityTransform, warp

rng = np.random.default_rng(20)
template = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def estimate(source, target):
    return SimilarityTransform.from_estimate(source, target).params


def turned(points):
    angle, scale = rng.uniform(-np.pi, np.pi), np.exp(rng.uniform(-3, 3))
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ rotation.T + rng.uniform(-500, 500, 2)


pairs = []
for _ in range(8):
    pairs.append((turned(template + rng.normal(0, 3, (5, 2))), template))
for count in (2, 3, 5, 68):
    pairs.append((rng.uniform(-100, 100, (count, 2)), rng.uniform(-100, 100, (count, 2))))
for _ in range(4):
    pairs.append((turned(template * [-1, 1] + rng.normal(0, 1, (5, 2))), template))
line = np.outer(np.arange(5.0), [3.0, 4.0])
pairs.append((line, turned(line)))

image = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
warps = []
for scale, angle, shift in ((1.0, 0.0, (0.5, -0.25)), (2.3, 0.4, (4.0, -3.0)), (1.0, -1.2, (3.0, 9.0))):
    transform = SimilarityTransform(scale=scale, rotation=angle, translation=shift)
    # Two rows of black around, so that the border fades out between pixel centres as in any zero-padded bilinear lookup.
    padded = np.pad(image.astype(float), ((2, 2), (2, 2), (0, 0)))
    inverse = transform.inverse.params
    moved = warp(padded, lambda xy: SimilarityTransform(matrix=inverse)(xy) + 2, output_shape=(16, 20), order=1, cval=0)
    a, b = transform.params[0, 0], transform.params[1, 0]
    tx, ty = transform.params[:2, 2]
    warps.append({"transform": {"a": a, "b": b, "tx": tx, "ty": ty}, "pixels": np.round(moved, 3).ravel().tolist()})

path = pathlib.Path(__file__).parent.parent / "fixtures" / "reference.json"
path.write_text(
    json.dumps(
        {
            "estimates": [
                {"from": source.tolist(), "to": target.tolist(), "matrix": estimate(source, target)[:2].tolist()}
                for source, target in pairs
            ],
            "image": {"pixels": image.ravel().tolist(), "width": 11, "height": 9},
            "warps": warps,
        }
    )
    + "\n"
)
