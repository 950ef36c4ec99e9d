"""Writes the golden tar archives beside it with tar(1) (GNU) and Python's tarfile: python golden.py

gnu.tar, ustar.tar, pax.tar: tar(1) of the same folder in three formats, one name of more than 255 bytes but in ustar.tar.
python-*.tar: tarfile in its three formats, labels in .json; python-gnu.tar has sizes in base 256 and a hard-wired long name.
sparse.tar, links.tar: what is refused.
"""
import io
import json
import os
import subprocess
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = "/".join(["a-long-folder-name-" + "x" * 40] * 4) + "/"


def tar(name, folder, *arguments):
    common = ["--sort=name", "--mtime=@946684800", "--owner=0", "--group=0", "--numeric-owner", "--mode=644"]
    pax = ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"] if "--format=pax" in arguments else []
    subprocess.run(["tar", "-cf", os.path.join(HERE, name), "-b", "1", *common, *pax, *arguments, "-C", folder, "."], check=True)


def put(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def samples(folder, deep):
    for i, label in enumerate([7, 3, 7, 10]):
        put(folder, f"{deep}{i:04}.jpg", b"image %d" % i)
        put(folder, f"{deep}{i:04}.cls", b"%d\n" % label)
    put(folder, "README.md", b"no sample of images")


for name, deep in [("gnu", LONG), ("ustar", LONG[:120] + "/"), ("pax", LONG + "é/")]:
    with tempfile.TemporaryDirectory() as folder:
        samples(folder, deep)
        tar(f"{name}.tar", folder, f"--format={name}")

with tempfile.TemporaryDirectory() as folder:
    samples(folder, "")
    with open(os.path.join(folder, "0004.jpg"), "wb") as file:
        file.truncate(2**20)
        file.seek(2**19)
        file.write(b"image")
    tar("sparse.tar", folder, "--format=pax", "--sparse")

with tempfile.TemporaryDirectory() as folder:
    samples(folder, "")
    os.symlink("0000.jpg", os.path.join(folder, "0004.jpg"))
    tar("links.tar", folder, "--format=gnu")

for name, form in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
    with tarfile.open(os.path.join(HERE, f"python-{name}.tar"), "w", format=form) as archive:
        deep = "" if name == "ustar" else LONG
        for i, identity in enumerate(["Çelik", "Ada", "Çelik", "Bo"]):
            label = json.dumps({"identity": identity, "name": f"{i}.png"}).encode()
            for ending, content in [("json", label), ("png", b"image %d" % i), ("mask.png", b"mask")]:
                info = tarfile.TarInfo(f"{deep}{i:04}.{ending}")
                info.size = len(content)
                info.mtime = 946684800.5 if name == "pax" else 946684800
                archive.addfile(info, io.BytesIO(content))
