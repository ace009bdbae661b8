"""Makes the small Fashion-MNIST in fashion-mnist-small/: the first examples of each class, in dataset order.

    python3 make_subset.py FOLDER     FOLDER holds the four official .gz files
"""

import gzip
import hashlib
import pathlib
import struct
import sys

PER_CLASS = {"train": 600, "t10k": 100}
PIXELS = 28 * 28


def read(path, magic, header):
    data = gzip.decompress(path.read_bytes())
    assert struct.unpack(">I", data[:4])[0] == magic, f"{path}: wrong magic"
    return data[header:]


def write(path, data):
    # Neither name nor time in the header, so that the same input gives the same file.
    path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>8}  {path.name}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(__file__).parent / "fashion-mnist-small"
    target.mkdir(exist_ok=True)
    for part, per_class in PER_CLASS.items():
        images_name, labels_name = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
        images = read(source / images_name, 0x803, 16)
        labels = read(source / labels_name, 0x801, 8)
        chosen, seen = [], [0] * 10
        for index, label in enumerate(labels):
            if seen[label] < per_class:
                seen[label] += 1
                chosen.append(index)
        assert seen == [per_class] * 10, f"{part}: too few examples: {seen}"
        pixels = b"".join(images[index * PIXELS : (index + 1) * PIXELS] for index in chosen)
        write(target / images_name, struct.pack(">4I", 0x803, len(chosen), 28, 28) + pixels)
        write(target / labels_name, struct.pack(">2I", 0x801, len(chosen)) + bytes(labels[index] for index in chosen))


main()
