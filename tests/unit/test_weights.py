"""The catalogue of published weights and the folder they lie in."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from student import weights
from student.checkpoints import load_checkpoint
from student.checkpoints.kind import Kind
from student.checkpoints.shape import empty_student
from student.errors import CheckpointError
from student.networks.config import CONFIGS
from student.probe import load_probe
from student.weights import CATALOGUE, find, import_file, stored, weights_folder


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))


def blank(name: str) -> dict[str, torch.Tensor]:
    """Return a state of full size that takes no room."""
    shapes = empty_student(CONFIGS[name]).state_dict()
    return {key: torch.zeros((), dtype=like.dtype).expand(like.shape) for key, like in shapes.items()}


def content_of(entry: weights.OfficialFile) -> Any:
    """Return what a published file of that kind holds."""
    if entry.kind is Kind.PROBE:
        weight = torch.ones(entry.classes or 0, 768, 1, 1)
        return {"linear_probing_head_state_dict": {"weight": weight}, "epoch": 49, "logs": {}}
    if entry.kind is Kind.BACKBONE:
        state = blank("dveformer-fullres")
        before = "encoder.backbone."
        return {"state_dict": {k.removeprefix(before): v for k, v in state.items() if k.startswith(before)}}
    return {"state_dict": blank(str(entry.variant)), "epoch": 249, "logs": {}}


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def archived(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


DVEFORMER = [name for name, entry in CATALOGUE.items() if "DVEFormer" in entry.licence.text]


def test_the_catalogue_lists_eleven_files_of_dveformer() -> None:
    entries = [CATALOGUE[name] for name in DVEFORMER]
    kinds = [entry.kind for entry in entries]
    assert [kinds.count(kind) for kind in (Kind.STUDENT, Kind.PROBE, Kind.BACKBONE)] == [2, 8, 1]
    assert len({entry.drive_id for entry in entries}) == 11
    assert len({entry.member for entry in entries}) == 11
    assert all(len(entry.drive_id or "") == 33 for entry in entries)
    assert CATALOGUE["dveformer-reducedres"].source.endswith("uc?id=1tkhkEA6RsvjznY-WlWqL3LtAGYU3wse_")
    probe = CATALOGUE["dveformer-fullres-probe-scannet20"]
    assert probe.member == "scannet/dveformer_fullres_linear_probing_scannet20.pth"
    assert (probe.classes, probe.variant) == (20, "dveformer-fullres")


@pytest.mark.parametrize("name", DVEFORMER)
def test_each_published_archive_is_recognised_by_import(tmp_path: Path, name: str) -> None:
    entry = CATALOGUE[name]
    content = saved(content_of(entry))
    path = tmp_path / "downloaded.tar.gz"
    path.write_bytes(archived(entry.member, content))
    assert find(name) is None
    record = import_file(path)
    assert (record.name, record.bytes, record.source) == (name, len(content), str(path))
    assert record.sha256 == hashlib.sha256(content).hexdigest()
    assert find(name) == record.path
    assert record.path.read_bytes() == content
    assert stored(name) == record
    assert sorted(file.name for file in weights_folder().iterdir()) == [
        f"{name}-{record.sha256[:8]}.pth",
        f"{name}.json",
    ]


def test_what_is_found_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "p.pth").write_bytes(saved(content_of(CATALOGUE["dveformer-fullres-probe-sunrgbd"])))
    import_file(tmp_path / "p.pth", name="dveformer-reducedres-probe-sunrgbd")
    path = find("dveformer-reducedres-probe-sunrgbd")
    assert path is not None
    assert load_probe(path).weight.shape == (37, 768)
    save_file({"weight": torch.ones(20, 768)}, tmp_path / "p.safetensors")
    record = import_file(tmp_path / "p.safetensors", name="dveformer-fullres-probe-scannet20")
    assert record.file.endswith(".safetensors")
    assert load_probe(record.path).weight.shape == (20, 768)
    (tmp_path / "s.pth").write_bytes(saved(content_of(CATALOGUE["dveformer-reducedres"])))
    record = import_file(tmp_path / "s.pth")
    assert load_checkpoint(record.path, name="dveformer-reducedres").config == CONFIGS["dveformer-reducedres"]


def test_probes_that_look_alike_need_a_name(tmp_path: Path) -> None:
    probe = saved(content_of(CATALOGUE["dveformer-fullres-probe-nyuv2"]))
    path = tmp_path / "p.pth"
    path.write_bytes(probe)
    with pytest.raises(CheckpointError) as caught:
        import_file(path)
    assert str(caught.value) == (
        f"{path} is a linear probe of 40 classes over 768 numbers, which may be "
        "dveformer-fullres-probe-nyuv2, dveformer-fullres-probe-scannet, dveformer-reducedres-probe-nyuv2, "
        "dveformer-reducedres-probe-scannet; say which with --name"
    )
    named = tmp_path / "dveformer_reducedres_linear_probing_scannet.pth"
    named.write_bytes(probe)
    assert import_file(named).name == "dveformer-reducedres-probe-scannet"
    assert import_file(path, name="dveformer-fullres-probe-scannet").name == "dveformer-fullres-probe-scannet"


@pytest.mark.parametrize(
    ("given", "name", "message"),
    [
        (
            "dveformer-fullres",
            "dveformer-reducedres",
            "is no dveformer-reducedres: of its keys 4 unexpected, .*to be a DVEFormer student .full-res",
        ),
        (
            "dveformer-fullres-probe-nyuv2",
            "dveformer-fullres",
            "expected a student, it seems to be a linear probe",
        ),
        (
            "dveformer-fullres",
            "dveformer-fullres-probe-nyuv2",
            "expected a probe, it seems to be a DVEFormer",
        ),
        (
            "dveformer-fullres-probe-nyuv2",
            "dveformer-fullres-probe-sunrgbd",
            "expected a probe of 37 classes over 768 numbers, it seems to be a linear probe of 40 classes",
        ),
        (
            "dveformer-fullres",
            "swin-multi-t-v2-128-imagenet",
            "expected a backbone, it seems to be a DVEFormer",
        ),
    ],
)
def test_a_wrong_file_is_not_imported(tmp_path: Path, given: str, name: str, message: str) -> None:
    (tmp_path / "f.pth").write_bytes(saved(content_of(CATALOGUE[given])))
    with pytest.raises(CheckpointError, match=message):
        import_file(tmp_path / "f.pth", name=name)
    assert not weights_folder().exists()


def test_files_of_ones_own_are_not_imported(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(5, 768)}, tmp_path / "p.pth")
    with pytest.raises(
        CheckpointError, match="is no published file, it seems to be a linear probe of 5 classes"
    ):
        import_file(tmp_path / "p.pth")


def test_unknown_names_are_explained() -> None:
    for ask in (find, stored, weights.official, weights.pull):
        with pytest.raises(
            ValueError, match=r"no published weights 'dveformer-fulres', did you mean '[\w-]+'\?"
        ):
            ask("dveformer-fulres")


def test_a_known_digest_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "dveformer-fullres-probe-scannet20"
    content = saved(content_of(CATALOGUE[name]))
    (tmp_path / "f.pth").write_bytes(content)
    for digest in ("0" * 64, hashlib.sha256(content).hexdigest()):
        values = {field: getattr(CATALOGUE[name], field) for field in CATALOGUE[name].__slots__}
        monkeypatch.setitem(CATALOGUE, name, weights.OfficialFile(**(values | {"sha256": digest})))
        if digest.startswith("00000"):
            with pytest.raises(
                CheckpointError, match=f"must have SHA-256 {digest} to be {name}, got [0-9a-f]+"
            ):
                import_file(tmp_path / "f.pth", name=name)
        else:
            assert import_file(tmp_path / "f.pth", name=name).sha256 == digest


def test_weights_that_changed_are_noticed(tmp_path: Path) -> None:
    name = "dveformer-fullres-probe-scannet20"
    (tmp_path / "f.pth").write_bytes(saved(content_of(CATALOGUE[name])))
    record = import_file(tmp_path / "f.pth", name=name)
    content = bytearray(record.path.read_bytes())
    content[len(content) // 2] ^= 1
    record.path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=f"has changed since it came: its SHA-256 must be {record.sha256}"
    ):
        find(name)
    record.path.write_bytes(content[:-1])
    assert (find(name), stored(name)) == (None, None)
    assert import_file(tmp_path / "f.pth", name=name) == record.model_copy(
        update={"added": stored(name).added}
    )  # type: ignore[union-attr]
    assert find(name) == record.path


def test_a_new_version_replaces_the_old(tmp_path: Path) -> None:
    name = "dveformer-fullres-probe-scannet20"
    content = content_of(CATALOGUE[name])
    (tmp_path / "f.pth").write_bytes(saved(content))
    before = import_file(tmp_path / "f.pth", name=name)
    (tmp_path / "f.pth").write_bytes(saved(content | {"epoch": 50}))
    after = import_file(tmp_path / "f.pth", name=name)
    assert find(name) == after.path != before.path
    assert not before.path.exists()
    (weights_folder() / f"{name}.json").write_text("{")
    assert find(name) is None
