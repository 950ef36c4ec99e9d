"""Writes the golden verification sets beside it with Python's pickle (and numpy): python golden.py

protocol-2.bin ... protocol-5.bin: three pairs of bytes. python-2.bin: the same as Python 2 writes str, put together here
from its opcodes. numpy-*.bin: images as arrays of uint8, truth values as scalars of numpy. flags.bin: one array of them.
call.bin: what must not run. Images hold every byte, and one is empty.
"""
import os
import pickle
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
images = [b"image 0", bytes(range(256)), b"", b"image 3" * 50, b"image 0", b"\xff\xd8\xff image 5"]
same = [True, False, True]


def write(name, content):
    with open(os.path.join(HERE, name + ".bin"), "wb") as file:
        file.write(content)


for protocol in range(2, 6):
    write(f"protocol-{protocol}", pickle.dumps((images, same), protocol))
    arrays = [np.frombuffer(image, np.uint8) for image in images]
    write(f"numpy-{protocol}", pickle.dumps((arrays, [np.bool_(flag) for flag in same]), protocol))
write("flags", pickle.dumps((images, np.array(same)), 4))
write("bytearrays", pickle.dumps([tuple(map(bytearray, images)), [1, 0, 1]], 5))


def string(text):
    short = len(text) < 256
    return (b"U" + struct.pack("<B", len(text)) if short else b"T" + struct.pack("<i", len(text))) + text


# A shared str is taken from the memo the second time.
python2 = b"\x80\x02]q\x01("
for i, image in enumerate(images):
    python2 += b"h\x02" if i == 4 else string(image) + b"q" + bytes([2 + i])
write("python-2", python2 + b"e]q\x14(\x88\x89\x88e\x86q\x15.")


class Call:
    def __reduce__(self):
        return (os.system, ("touch was-here",))


write("call", pickle.dumps(([Call()], same), 4))
