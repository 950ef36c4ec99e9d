"""Writes the golden environments beside it with Python's lmdb: python golden.py

names/: keys identity/image, small values in leaves and large ones on pages of their own, two levels of the tree, entries
deleted and replaced so that pages are free and out of order. pickle.mdb, numpy.mdb: as folder2lmdb.py of
Efficient-PyTorch writes them, before and after it made batches of one. msgpack.mdb: the same in MessagePack. object/,
database/, empty/: what is refused.
"""
import os
import pickle
import shutil
import struct

import lmdb
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def environment(name, subdir=True, **options):
    path = os.path.join(HERE, name)
    shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
    return lmdb.open(path, subdir=subdir, map_size=2**20, lock=False, sync=False, **options)


def put(env, items):
    with env.begin(write=True) as txn:
        for key, value in items:
            txn.put(key.encode(), value)


def body(text, size=0):
    return (text.encode() * (1 + size // len(text)))[: max(size, len(text))]


env = environment("names")
for identity in range(12):
    put(env, [(f"id{identity}/{image}.jpg", body(f"image {identity} {image} ", 100)) for image in range(12)])
put(env, [("Ünï/large.jpg", body("large ", 9000)), ("a/b/deep.jpg", b"deep"), ("zoe/empty.jpg", b"")])
with env.begin(write=True) as txn:
    for image in range(12):
        txn.delete(f"id5/{image}.jpg".encode())
put(env, [("id3/0.jpg", body("replaced ", 5000))])
env.close()

images = [(f"image {i}".encode() * (1 + 900 * (i == 2)), label) for i, label in enumerate([7, 3, 7, 300, 3, 3, 70000, 3, 3, 3, 3])]


def counted(name, dumps, items):
    env = environment(name, subdir=False)
    put(env, [(str(i), dumps(item)) for i, item in enumerate(items)])
    put(env, [("__keys__", dumps([str(i).encode() for i in range(len(items))])), ("__len__", dumps(len(items)))])
    env.close()


counted("pickle.mdb", lambda item: pickle.dumps(item, 3), images)
counted("numpy.mdb", lambda item: pickle.dumps(item, 4), [([image], np.array([label])) for image, label in images])


def msgpack(item):
    """MessagePack of such an item; of anything else, nothing that is read."""
    if not isinstance(item, tuple):
        return b"\xc0"
    image, label = item
    binary = b"\xc4" + struct.pack(">B", len(image)) if len(image) < 256 else b"\xc5" + struct.pack(">H", len(image))
    if label < 128:
        return b"\x92" + binary + image + struct.pack(">B", label)
    return b"\x92" + binary + image + (b"\xcd" + struct.pack(">H", label) if label < 2**16 else b"\xce" + struct.pack(">I", label))


counted("msgpack.mdb", msgpack, images)

env = environment("object")
put(env, [("Ada/1.jpg", pickle.dumps({"image": b"image"}))])
env.close()
env = environment("database", max_dbs=1)
with env.begin(write=True, db=env.open_db(b"faces")) as txn:
    txn.put(b"Ada/1.jpg", b"image")
env.close()
environment("empty").close()
