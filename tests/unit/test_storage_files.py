"""Maps on disk: what a file holds, and what is said of one that is not as it was written."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mapping import VoxelMap
from mapping.fields import Fields
from mapping.occupancy import OccupancyRows
from mapping.settings import FusionSettings
from mapping.storage import MapFileError, compress, load, read_header, save, verify
from mapping.tensor_file import TensorFile
from mapping.verified import is_verified


def make_map(cells: int = 50, code_dim: int = 6, head: bool = True, seed: int = 0) -> VoxelMap:
    """Return a map of random sums, rows not sorted."""
    rng = np.random.default_rng(seed)

    def sums(*shape: int) -> np.ndarray:
        return rng.integers(1, 2**40, (cells, *shape))

    fields = Fields(
        key=rng.permutation(cells * 3)[:cells].astype(np.int64),
        weight=sums(),
        s=sums(3),
        Q=sums(6),
        color=sums(3),
        code=rng.integers(-(2**30), 2**30, (cells, code_dim), dtype=np.int32),
        code_weight=sums(),
        first_seen=sums(),
        last_seen=sums(),
    )
    counts = np.arange(cells + 9, dtype=np.int32)
    return VoxelMap.from_fields(
        cell_size=0.1,
        code_dim=code_dim,
        code_scale=1024.0,
        space={"name": "toy", "dimension": 9, "text_encoder": None},
        head=rng.normal(size=(9, code_dim)).astype(np.float32) if head else None,
        fields=fields,
        occupancy=OccupancyRows(np.arange(cells + 9, dtype=np.int64), counts, counts[::-1].copy()),
        settings=FusionSettings(depth_max=4.0, occupancy=False),
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "room.dvm"
    save(make_map(), path, {"source": "a walk", "frames": 3})
    return path


@pytest.mark.parametrize(
    ("cells", "code_dim", "head"), [(50, 6, True), (50, 6, False), (7, 0, False), (0, 4, True)]
)
def test_round_trip(tmp_path: Path, cells: int, code_dim: int, head: bool) -> None:
    before = make_map(cells, code_dim, head)
    save(before, tmp_path / "room.dvm")
    after = load(tmp_path / "room.dvm", verify=True)
    assert after.digest() == before.digest()
    assert (after.cell_size, after.code_dim, after.code_scale) == (0.1, code_dim, 1024.0)
    assert after.space == before.space
    assert after.settings == before.settings
    order = np.argsort(before.key)
    for name in Fields.__slots__:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[order])
    np.testing.assert_array_equal(after.embedding_norm, before.embedding_norm[order])
    if head:
        np.testing.assert_array_equal(after.head, before.head)  # type: ignore[arg-type]


def test_fields_are_read_only_views_of_the_file(saved: Path) -> None:
    room = load(saved)
    assert not room.code.flags.writeable
    assert not room.code.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        room.weight[0] = 1


def test_loaded_map_survives_its_file_being_replaced(saved: Path) -> None:
    room = load(saved)
    digest = room.digest()
    save(make_map(seed=1), saved)
    assert room.digest() == digest != load(saved).digest()


def test_safetensors_reads_it_too(saved: Path) -> None:
    tensors = load_file(saved)
    np.testing.assert_array_equal(tensors["code"], load(saved).code)
    assert tensors["occupancy.hits"].dtype == np.int32


def test_every_tensor_is_aligned(saved: Path) -> None:
    for entry in TensorFile(saved, "dvemap").entries.values():
        assert entry.start % entry.dtype.itemsize == 0


def test_header(saved: Path) -> None:
    header = read_header(saved)
    assert (header.cells, header.occupancy_cells, header.code_dim, header.compact) == (50, 59, 6, None)
    assert header.provenance["source"] == "a walk"
    assert header.provenance["software"].startswith("dvemap ")
    assert "created" in header.provenance
    assert header.settings["depth_max"] == 4.0
    assert header.file_bytes == saved.stat().st_size


@pytest.mark.parametrize(("kind", "tolerance"), [("fp16", 6e-4), ("int8", 5e-3)])
def test_compact_maps_answer_alike_and_refuse_the_rest(saved: Path, kind: Any, tolerance: float) -> None:
    small = saved.with_name("small.dvm")
    compress(saved, small, kind)
    room, exact = load(small, verify=True), load(saved)
    assert room.compact == kind
    assert read_header(small).provenance["source"] == "a walk"
    assert read_header(small).provenance["compressed"] == kind
    restored = room.code.astype(np.float32) * room.code_row_scale[:, None]  # type: ignore[index]
    error = np.abs(restored - exact.code).max(axis=1) / np.abs(exact.code.astype(np.float64)).max(axis=1)
    assert error.max() < tolerance
    np.testing.assert_array_equal(room.embedding_norm, exact.embedding_norm)
    with pytest.raises(ValueError, match="compact"):
        room.digest()
    with pytest.raises(ValueError, match=f"got one compressed to {kind}"):
        compress(room, small, kind)
    save(room, saved)  # a compact map stays what it is
    np.testing.assert_array_equal(load(saved).code, room.code)
    with pytest.raises(ValueError, match=r'kind must be "fp16" or "int8", got .zip.'):
        compress(saved, small, "zip")  # type: ignore[arg-type]


def test_cells_without_codes_compress_to_zeros(tmp_path: Path) -> None:
    room = make_map()
    room.code[:] = 0
    compress(room, tmp_path / "small.dvm", "int8")
    assert not load(tmp_path / "small.dvm").code.any()


# ------------------------------------------------------------------------------------------------ damage


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_damaged_header(saved: Path) -> None:
    for at in (0, 8 + 60, 400, TensorFile(saved, "dvemap").entries["key"].start - 1):
        intact = saved.read_bytes()
        flip(saved, at)
        for reader in (load, read_header, verify):
            with pytest.raises(MapFileError, match=r"header of .*room.dvm is damaged|holds no|truncated"):
                reader(saved)
        saved.write_bytes(intact)
    assert len(load(saved)) == 50


@pytest.mark.parametrize("name", ["code", "key", "occupancy.misses", "head"])
def test_damaged_body_names_the_tensor(saved: Path, name: str) -> None:
    flip(saved, TensorFile(saved, "dvemap").entries[name].stop - 1)
    with pytest.raises(MapFileError, match=f"room.dvm is damaged: the SHA-256 of {name} is not what"):
        load(saved)
    with pytest.raises(MapFileError, match=f"SHA-256 of {name} is"):
        verify(saved)
    assert len(load(saved, verify=False)) == 50
    assert read_header(saved).cells == 50


def test_every_truncation_is_noticed(saved: Path) -> None:
    content = saved.read_bytes()
    for size in [0, 5, 30, 200, len(content) // 2, len(content) - 1]:
        saved.write_bytes(content[:size])
        with pytest.raises(MapFileError, match=r"truncated|not a dvemap file"):
            load(saved, verify=False)
    saved.write_bytes(content + b"more")
    with pytest.raises(MapFileError, match=f"should have {len(content)} bytes, got {len(content) + 4}"):
        load(saved)


def test_other_files(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, other)
    with pytest.raises(MapFileError, match="is not a dvemap file"):
        load(other)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.dvm")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


def rewrite_header(path: Path, old: str, new: str) -> None:
    """Change the header as another program would: the checksum fits."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length].decode().rstrip()
    assert old in text
    text = text.replace(old, new)
    hash_now = json.loads(text)["__metadata__"]["header_sha256"]
    blank = text.replace(hash_now, "0" * 64).encode().ljust(length + 64)
    whole = len(blank).to_bytes(8, "little") + blank
    digest = hashlib.sha256(whole).hexdigest()
    path.write_bytes(whole.replace(b"0" * 64, digest.encode(), 1) + content[8 + length :])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"format_version":"1"',
            '"format_version":"2"',
            "format version 2, this software reads up to 1; update",
        ),
        ('"code_dim":"6"', '"code_dim":"5"', r"head must be \(D, 5\), got \(9, 6\)"),
        ('"weight":{"dtype":"I64"', '"mass":{"dtype":"I64"', "no consistent map: 'weight'"),
        ('"shape":[50,6],', '"shape":[6,50],', r"must be int.* \(50, 6\), got int.* \(6, 50\)"),
        ('"shape":[50,6],', '"shape":[60,6],', "does not fit its place"),
        ('"shape":[50,6],', '"shape":[-50,-6],', "does not fit its place"),
        ('"cell_size":"0.1"', '"cell_size":"tiny"', "no consistent map: could not convert"),
        ("depth_max", "depth_most", "settings .* are not understood"),
    ],
)
def test_headers_that_fit_their_checksum_but_no_map(saved: Path, old: str, new: str, message: str) -> None:
    rewrite_header(saved, old, new)
    with pytest.raises(MapFileError, match=message):
        load(saved)


def test_unsorted_keys_are_refused(tmp_path: Path) -> None:
    room = make_map()
    room.key[:2] = 7
    save(room, tmp_path / "room.dvm")
    with pytest.raises(MapFileError, match="keys must increase strictly"):
        load(tmp_path / "room.dvm", verify=True)


def test_unsorted_occupancy_is_refused(tmp_path: Path) -> None:
    room = make_map()
    room.occupancy.key[:2] = 1, 0
    save(room, tmp_path / "room.dvm")
    with pytest.raises(MapFileError, match="occupancy keys must increase strictly"):
        load(tmp_path / "room.dvm", verify=True)


def test_body_is_verified_once_for_each_version(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    damaged = TensorFile.damaged
    monkeypatch.setattr(TensorFile, "damaged", lambda self: reads.append(self.path.name) or damaged(self))
    load(saved)
    assert reads == []  # our own file
    copy = saved.with_name("copy.dvm")
    copy.write_bytes(saved.read_bytes())
    load(copy)
    load(copy)
    assert reads == ["copy.dvm"]
    load(copy, verify=True)
    assert len(reads) == 2
    copy.write_bytes(saved.read_bytes())
    load(copy)
    assert len(reads) == 3


def test_verified_needs_no_writable_cache(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(saved / "below-a-file"))
    file = TensorFile(saved, "dvemap")
    assert not is_verified(saved, file.stat, file.header_sha256)
    assert len(load(saved)) == 50
