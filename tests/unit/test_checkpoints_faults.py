"""What is no checkpoint is named for what it is; what is damaged never loads."""

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from student.checkpoints import checkpoint_of, infer_config, load_checkpoint, read_state
from student.checkpoints.file import CheckpointFile, read_checkpoint_file
from student.checkpoints.shape import empty_student
from student.errors import CheckpointError
from student.networks.config import CONFIGS, StudentConfig
from student.networks.dveformer import build
from student.probe import load_probe

TINY = StudentConfig(
    rgb_channels=6,
    depth_channels=2,
    depths=(1, 1, 2, 1),
    head_channels=8,
    window=4,
    context_channels=4,
    main_channels=4,
    skip_channels=(4, 3, 2),
    fuse_channels=5,
    embedding_dim=8,
)
HEAD = "decoders.dense_visual_embedding_decoder._task_head.conv.weight"
State = dict[str, torch.Tensor]


@pytest.fixture
def state(deterministic: SimpleNamespace) -> State:
    return dict(deterministic.fill(build(TINY)).state_dict())


def blank(config: StudentConfig) -> State:
    """Return a state of full size that takes no room."""
    shapes = empty_student(config).state_dict()
    return {key: torch.zeros((), dtype=like.dtype).expand(like.shape) for key, like in shapes.items()}


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_each_missing_key_is_named(state: State) -> None:
    for key in state:
        file = CheckpointFile("s.pth", {name: value for name, value in state.items() if name != key})
        with pytest.raises(CheckpointError, match=rf"^s\.pth is damaged .* 1 missing, first {key}"):
            checkpoint_of(file)


def test_each_wrong_shape_is_refused(state: State) -> None:
    for key, value in state.items():
        file = CheckpointFile("s.pth", state | {key: torch.zeros((*value.shape, 2), dtype=value.dtype)})
        with pytest.raises(CheckpointError, match=rf"1 mis-shaped, first {key}: expected \("):
            checkpoint_of(file)


def test_the_first_key_of_each_fault_is_named(tmp_path: Path, state: State) -> None:
    del state["context_module.final_conv.norm.bias"]
    state["encoder.backbone.layer_5"] = torch.zeros(3)
    state["encoder.backbone.layer_1.0.norm2.weight"] = torch.zeros(9)
    torch.save(state, tmp_path / "s.pth")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "s.pth")
    assert str(caught.value) == (
        f"{tmp_path / 's.pth'} is damaged or of an unknown kind: of its keys 1 missing, first "
        "context_module.final_conv.norm.bias, 1 unexpected, first encoder.backbone.layer_5, 1 mis-shaped, "
        "first encoder.backbone.layer_1.0.norm2.weight: expected (8,), got (9,); it seems to be a DVEFormer "
        "student (reduced-res, 8 numbers a pixel)"
    )


def test_a_forced_name_must_fit(tmp_path: Path) -> None:
    torch.save(blank(CONFIGS["dveformer-fullres"]), tmp_path / "full.pth")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "full.pth", name="dveformer-reducedres")
    assert str(caught.value) == (
        f"{tmp_path / 'full.pth'} is no dveformer-reducedres: of its keys 4 unexpected, first "
        f"{HEAD.replace('conv.weight', 'upsample_0.conv.weight')}, 1 mis-shaped, first {HEAD}: expected "
        "(768, 512, 1, 1), got (768, 512, 3, 3); it seems to be a DVEFormer student (full-res, 768 numbers a "
        "pixel); ask for that one instead"
    )
    with pytest.raises(ValueError, match=r"unknown student 'fullres', did you mean 'dveformer-fullres'\?"):
        load_checkpoint(tmp_path / "full.pth", name="fullres")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, state: State, value: float) -> None:
    state[HEAD] = torch.full_like(state[HEAD], value)
    torch.save(state, tmp_path / "s.pth")
    with pytest.raises(CheckpointError, match=f"must be finite, {HEAD} holds NaN or infinity"):
        load_checkpoint(tmp_path / "s.pth")


def test_shapes_that_contradict_each_other_are_refused(state: State) -> None:
    state["encoder.backbone.patch_embedder.rgb_layers.2.weight"] = torch.zeros(7)
    with pytest.raises(CheckpointError, match=r"unknown kind: .*multiple of head_channels"):
        infer_config(state)
    state = {key.replace("features.1.", "features.2."): value for key, value in state.items()}
    state["context_module.features.3.1.conv.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match="pools 3 maps for context"):
        infer_config(state)


PROBE = {"linear_probing_head_state_dict": {"weight": torch.zeros(40, 768, 1, 1)}, "epoch": 1, "logs": {}}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PROBE, r"a linear probe of 40 classes over 768 numbers; it is loaded by load_probe \(--probe\)"),
        ({"weight": torch.zeros(20, 8)}, "a linear probe of 20 classes over 8 numbers"),
        (
            {"state_dict": {"module.backbone.patch_embedder.rgb_layers.0.weight": torch.zeros(96, 3, 4, 4)}},
            "an encoder alone, as it is pretrained on ImageNet",
        ),
        (
            {
                "state_dict": {
                    f"decoders.{name}.head.weight": torch.zeros(2) for name in ("semantic_decoder", "x")
                }
            },
            r"an EMSAFormer or EMSANet \(semantic_decoder, x\)",
        ),
        (
            {"features.0.0.weight": torch.zeros(96, 3)},
            r"weights of another network \(1 tensors, first features.0.0.weight",
        ),
        ({"optimizer": {}, "epoch": 3}, "a dict of optimizer, epoch without weights"),
        ([1.0], "a list"),
        (torch.zeros(3), "a Tensor"),
    ],
)
def test_other_checkpoints_are_named(tmp_path: Path, content: Any, what: str) -> None:
    torch.save(content, tmp_path / "s.pth")
    with pytest.raises(CheckpointError, match=rf"s\.pth holds no student, it seems to be {what}"):
        load_checkpoint(tmp_path / "s.pth")


def test_a_map_is_named(tmp_path: Path) -> None:
    save_file({"key": torch.zeros(2)}, tmp_path / "m.dvm", {"cell_size": "0.05"})
    with pytest.raises(CheckpointError, match="it seems to be a dvemap map"):
        load_checkpoint(tmp_path / "m.dvm")
    assert read_state(tmp_path / "m.dvm").keys() == {"key"}


def test_a_student_is_no_probe(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "s.pth")
    with pytest.raises(CheckpointError, match=r"s\.pth holds no probe, it seems to be a DVEFormer student"):
        load_probe(tmp_path / "s.pth")
    torch.save(PROBE, tmp_path / "p.pth")
    with pytest.raises(CheckpointError, match="holds no weights, it seems to be a linear probe"):
        read_state(tmp_path / "p.pth")


def test_probes_come_from_archives(tmp_path: Path) -> None:
    weight = torch.arange(12.0).reshape(3, 4, 1, 1)
    content = saved({"linear_probing_head_state_dict": {"weight": weight}, "epoch": 49, "logs": {}})
    with tarfile.open(tmp_path / "p.pth.tar.gz", "w:gz") as archive:
        add(archive, "nyuv2/probe.pth", content)
    np.testing.assert_array_equal(load_probe(tmp_path / "p.pth.tar.gz").weight, weight[:, :, 0, 0].numpy())


def write_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.zeros(3))


def write_torchscript(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/constants.pkl", b"")
        archive.writestr("net/data.pkl", b"")


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"hello")


PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body></body></html>"
STRANGERS: list[tuple[Any, str]] = [
    (b"", "empty"),
    (PAGE, "a web page titled 'Google Drive - Quota exceeded', as Google Drive sends"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a Git LFS pointer"),
    (b"just some words", "a text file that begins 'just some words'"),
    (b"\x08\x08\x12\x07pytorch\x1a\x05" + bytes(40), "an ONNX model"),
    (pickle.dumps({"a": 1}), "a Python pickle, which could run code"),
    (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG picture"),
    (b"\x01\x02\x03\x04" + bytes(20), "an unknown binary file that begins 01 02 03 04"),
    (write_npz, "a NumPy .npz file"),
    (write_torchscript, "a TorchScript program"),
    (write_zip, "a zip archive of readme.txt"),
]


@pytest.mark.parametrize(("content", "what"), STRANGERS, ids=[what[:20] for _, what in STRANGERS])
def test_other_files_are_named(tmp_path: Path, content: bytes | Callable[[Path], None], what: str) -> None:
    path = tmp_path / "s.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(CheckpointError, match=rf"s\.pth is no readable checkpoint: it seems to be {what}"):
        load_checkpoint(path)


def test_files_that_need_code_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "where": Path("/")}, tmp_path / "s.pth")
    with pytest.raises(CheckpointError, match=r"it holds pathlib\.\w+, which only code could load"):
        load_checkpoint(tmp_path / "s.pth")
    torch.save(build(TINY), tmp_path / "s.pth")
    with pytest.raises(
        CheckpointError, match=r"it holds student\.networks\.dveformer\.DVEFormer, which only"
    ):
        load_checkpoint(tmp_path / "s.pth")


@pytest.mark.parametrize("container", ["s.pth", "s.safetensors", "s.tar.gz", "s.tar", "s.tar.xz"])
def test_a_file_that_is_cut_off_never_loads(tmp_path: Path, state: State, container: str) -> None:
    path = tmp_path / container
    if container == "s.pth":
        torch.save(state, path)
    elif container == "s.safetensors":
        save_file(state, path)
    else:
        with tarfile.open(path, "w:" + path.suffix[1:].replace("tar", "")) as archive:
            add(archive, "mixed/s.pth", saved(state))
    whole = path.read_bytes()
    load_checkpoint(path)
    size = len(whole) if container != "s.tar" else len(saved(state)) + 512
    for kept in [1, 8, 20, 600, *(size * part // 9 for part in range(1, 9)), size - 1]:
        path.write_bytes(whole[:kept])
        with pytest.raises(CheckpointError, match="no readable"):
            load_checkpoint(path)


@pytest.mark.parametrize("container", ["s.pth", "s.tar.gz"])
def test_a_byte_that_changed_is_noticed(tmp_path: Path, state: State, container: str) -> None:
    path = tmp_path / container
    content = saved(state)
    if container == "s.pth":
        path.write_bytes(content)
    else:
        with tarfile.open(path, "w:gz", compresslevel=0) as archive:
            add(archive, "mixed/s.pth", content)
    changed = bytearray(path.read_bytes())
    place = changed.index(state[HEAD].numpy().tobytes())
    changed[place] ^= 1
    path.write_bytes(changed)
    with pytest.raises(CheckpointError, match=r"no readable (checkpoint|archive) \(.*damaged"):
        load_checkpoint(path)


def test_an_archive_may_hold_one_checkpoint(tmp_path: Path, state: State) -> None:
    path = tmp_path / "s.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "a.pth", saved(state))
        add(archive, "b.pth", saved(PROBE))
    with pytest.raises(CheckpointError, match=r"holds several checkpoints, a\.pth and b\.pth; unpack it"):
        load_checkpoint(path)
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "a.txt", b"hello")
    with pytest.raises(CheckpointError, match=r"is an archive without a checkpoint, got a\.txt"):
        load_checkpoint(path)


def test_an_archive_reaches_nothing_outside(tmp_path: Path, state: State) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    torch.save(PROBE, tmp_path / "secret.pth")
    with tarfile.open(folder / "s.tar.gz", "w:gz") as archive:
        for kind, name in (
            (tarfile.SYMTYPE, "link.pth"),
            (tarfile.LNKTYPE, "hard.pth"),
            (tarfile.FIFOTYPE, "p"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "../secret.pth"
            archive.addfile(info)
        add(archive, "../../evil.pth", saved(state))
    assert load_checkpoint(folder / "s.tar.gz").config == TINY
    assert read_checkpoint_file(folder / "s.tar.gz").name.endswith("s.tar.gz (../../evil.pth)")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "s.tar.gz", "secret.pth"]


def test_what_the_system_refuses_stays_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.pth")
    with pytest.raises(IsADirectoryError):
        load_checkpoint(tmp_path)
