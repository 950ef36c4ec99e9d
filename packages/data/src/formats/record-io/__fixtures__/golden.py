"""Writes the golden RecordIO files beside it with nothing but `struct`: python golden.py

insightface.rec: record 0, five images of identities 0 (two), 1 (one) and 2 (two), three identity records.
shuffled.rec: images with a scalar label alone, identities mixed, no keys. parts.rec: an image that holds the magic number.
"""
import os
import struct

MAGIC = struct.pack("<I", 0xCED7230A)
HERE = os.path.dirname(os.path.abspath(__file__))


def part(kind, payload):
    return MAGIC + struct.pack("<I", kind << 29 | len(payload)) + payload + b"\0" * (-len(payload) % 4)


def record(payload):
    pieces, start = [], 0
    for at in range(0, len(payload) - 3, 4):
        if payload[at : at + 4] == MAGIC:
            pieces.append(payload[start:at])
            start = at + 4
    pieces.append(payload[start:])
    if len(pieces) == 1:
        return part(0, payload)
    kinds = [1] + [2] * (len(pieces) - 2) + [3]
    return b"".join(part(kind, piece) for kind, piece in zip(kinds, pieces))


def image(label, key, body):
    if isinstance(label, list):
        return struct.pack("<IfQQ", len(label), 0.0, key, 0) + struct.pack(f"<{len(label)}f", *label) + body
    return struct.pack("<IfQQ", 0, label, key, 0) + body


def write(name, records):
    """records: (key, payload), in the order of the file."""
    offset, index = 0, []
    with open(os.path.join(HERE, name + ".rec"), "wb") as file:
        for key, payload in records:
            index.append(f"{key}\t{offset}\n")
            offset += file.write(record(payload))
    with open(os.path.join(HERE, name + ".idx"), "w", newline="\n") as file:
        file.writelines(index)


labels = [0, 0, 1, 2, 2]
images = [(i + 1, image([float(label), 1.0], i + 1, b"image %d" % (i + 1))) for i, label in enumerate(labels)]
ranges = [(6, [1.0, 3.0]), (7, [3.0, 4.0]), (8, [4.0, 6.0])]
# As InsightFace's own writer does, record 0 comes last in the file.
write("insightface", images + [(key, image(span, key, b"")) for key, span in ranges] + [(0, image([6.0, 9.0], 0, b""))])
write("shuffled", [(i, image(float(label), i, b"image %d" % i)) for i, label in enumerate([7, 3, 7, 5, 3])])
os.remove(os.path.join(HERE, "shuffled.idx"))
write("parts", [(0, image(0.0, 0, MAGIC + b"abcd" + MAGIC + MAGIC + b"xy")), (1, image(1.0, 1, b"z" + MAGIC))])
