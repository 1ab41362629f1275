#!/usr/bin/env python3
"""Writes the two gzip IDX files beside this script from scikit-learn's digits.csv.gz (path given as the only argument)."""
import gzip, pathlib, struct, subprocess, sys

rows = [list(map(int, line.split(","))) for line in gzip.open(sys.argv[1], "rt")]
images = bytes(pixel for row in rows for pixel in row[:64])
labels = bytes(row[64] for row in rows)
assert len(rows) == 1797 and max(images) == 16 and max(labels) == 9
here = pathlib.Path(__file__).parent
for name, header, body in (
    ("digits-images-idx3-ubyte", struct.pack(">4B3I", 0, 0, 8, 3, len(rows), 8, 8), images),
    ("digits-labels-idx1-ubyte", struct.pack(">4B1I", 0, 0, 8, 1, len(rows)), labels),
):
    # `gzip -n` leaves out the name and the time, so the same input gives the same bytes.
    packed = subprocess.run(["gzip", "-n", "-9"], input=header + body, stdout=subprocess.PIPE, check=True)
    (here / f"{name}.gz").write_bytes(packed.stdout)
