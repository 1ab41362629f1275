"""Makes Resources/numpy and Resources/hdf5: arrays as NumPy and h5py save them. Needs numpy, ml_dtypes and h5py.

Usage: python make_numpy_files.py [FOLDER]
"""

import io
import os
import sys

import h5py
import ml_dtypes
import numpy as np
from numpy.lib import format as npy

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HOME, "Resources")
os.makedirs(os.path.join(OUT, "numpy"), exist_ok=True)
os.makedirs(os.path.join(OUT, "hdf5"), exist_ok=True)

VALUES = np.arange(24).reshape(2, 3, 4) - 5


def path(*parts):
    return os.path.join(OUT, *parts)


def save(name, array, version=None):
    with open(path("numpy", f"{name}.npy"), "wb") as file:
        npy.write_array(file, array, version=version, allow_pickle=True)


for code in ["i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8"]:
    save(f"little_{code}", VALUES.astype(f"<{code}"))
    save(f"big_{code}", VALUES.astype(f">{code}"))
for code in ["u1", "u2", "u4", "u8"]:
    save(f"little_{code}", (VALUES + 5).astype(f"<{code}"))
save("bool", VALUES > 3)
save("fortran", np.asfortranarray(VALUES.astype("<f4")))
save("fortran_big", np.asfortranarray(VALUES.astype(">f8")))
save("version2", VALUES.astype("<f4"), (2, 0))
save("version3", VALUES.astype("<f4"), (3, 0))
save("scalar", np.float32(7.5).reshape(()))
save("empty", np.zeros((0, 3), "<f4"))
save("bfloat16", VALUES.astype(ml_dtypes.bfloat16))
save("object", np.array([{"a": 1}, None], dtype=object))
save("text", np.array(["a", "bc"]))
save("structure", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
arrays = {"weights": VALUES.astype("<f4"), "steps": np.int64(3), "layer/bias": np.zeros(3, "<f2")}
np.savez(path("numpy", "stored.npz"), **arrays)
np.savez_compressed(path("numpy", "deflated.npz"), **arrays)

with h5py.File(path("hdf5", "layouts.h5"), "w") as file:
    group = file.create_group("group")
    for code in ["i1", "i4", "i8", "u2", "f2", "f4", "f8", ">f4", ">i2"]:
        group[code] = VALUES.astype(code)
    file["bool"] = VALUES > 3
    file["scalar"] = np.float32(7.5)
    file["empty"] = np.zeros((0, 3), "<f4")
    file.create_dataset("chunked", data=VALUES.astype("<f4"), chunks=(1, 2, 3))
    file.create_dataset("deflated", data=VALUES.astype("<f8"), chunks=(2, 2, 3), compression="gzip", shuffle=True)
    many = file.create_group("many")
    for index in range(40):
        many[f"{index}"] = np.float32(index)
    file["group"].attrs["name"] = "a group"
    file["link"] = h5py.SoftLink("/group/f4")
    file["again"] = file["group"]
with h5py.File(path("hdf5", "latest.h5"), "w", libver="latest") as file:
    file["group/f4"] = VALUES.astype("<f4")
    file["scalar"] = np.float32(7.5)
with h5py.File(path("hdf5", "dense_links.h5"), "w", libver="latest") as file:
    for index in range(20):
        file[f"{index}"] = np.float32(index)
with h5py.File(path("hdf5", "many_links.h5"), "w", libver="latest") as file:
    for index in range(120):
        file[f"layers/a layer whose name is long, so that names need several blocks {index}"] = np.float32(index)
with h5py.File(path("hdf5", "newest_chunks.h5"), "w", libver="latest") as file:
    file.create_dataset("single", data=VALUES.astype("<f4"), chunks=(2, 3, 4))
    file.create_dataset("single deflated", data=VALUES.astype("<f4"), chunks=(2, 3, 4), compression="gzip")
    file.create_dataset("table", data=VALUES.astype("<f4"), chunks=(1, 2, 3))
    file.create_dataset("table deflated", data=VALUES.astype("<f8"), chunks=(1, 2, 3), compression="gzip", shuffle=True)
    file.create_dataset("larger table", data=VALUES.astype("<f4"), chunks=(1, 2, 3), maxshape=(3, 9, 10))
    file.create_dataset("growing", data=VALUES.astype("<f4"), chunks=(1, 2, 3), maxshape=(2, None, 6))
    file.create_dataset("growing deflated", data=VALUES.astype("<f4"), chunks=(1, 1, 1), maxshape=(None, 3, 4),
                        compression="gzip")
    file.create_dataset("tree", data=VALUES.astype("<f4"), chunks=(1, 2, 3), maxshape=(None, None, 4))
    file.create_dataset("tree deflated", data=VALUES.astype("<f4"), chunks=(1, 1, 1), maxshape=(None, None, None),
                        compression="gzip")
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((1, 2, 3))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple((2, 3, 4))
    identifier = h5py.h5d.create(file.id, b"implicit", h5py.h5t.IEEE_F32LE, space, early)
    identifier.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(VALUES.astype("<f4")))
with h5py.File(path("hdf5", "newest_tables.h5"), "w", libver="latest") as file:
    # More than a page of 1,024 places, and more than a block of a table that grows.
    long = np.arange(2200, dtype="<i2")
    file.create_dataset("long table", data=long, chunks=(1,))
    file.create_dataset("long growing", data=long, chunks=(1,), maxshape=(None,))
    file.create_dataset("long tree", data=long.reshape(22, 100), chunks=(1, 1), maxshape=(None, None))
with h5py.File(path("hdf5", "text.h5"), "w") as file:
    file["text"] = "not a number"
