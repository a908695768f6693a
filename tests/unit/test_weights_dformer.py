"""The published files of the DFormer family, by name and by content."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from student import weights
from student.checkpoints.kind import Kind
from student.errors import CheckpointError
from student.networks.segmentor import build_segmentor
from student.weights import CATALOGUE, find, import_file, pull
from student.weights.dformer_files import FILES


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))


def saved(path: Path, name: str, classes: int | None = 40, decoder: str = "ham") -> Path:
    """Write a network as its authors do, or for no classes its encoder alone."""
    network = build_segmentor(name, decoder, classes or 40)  # type: ignore[arg-type]
    state = (
        network.state_dict() if classes else {"pred.bias": torch.zeros(9), **network.backbone.state_dict()}
    )
    torch.save({"model": state}, path)
    return path


def test_the_catalogue_lists_seven_networks_three_times() -> None:
    assert Counter(entry.kind for entry in FILES) == {Kind.SEGMENTOR: 14, Kind.DFORMER: 7}
    assert len({entry.member for entry in FILES}) == len({entry.name for entry in FILES}) == 21
    assert all(CATALOGUE[entry.name] is entry for entry in FILES)
    assert all("MIT" in entry.licence.text and "non-commercial" in entry.licence.text for entry in FILES)
    found = CATALOGUE["dformerv2-large-sunrgbd"]
    assert (found.member, found.classes, found.by_hand) == ("DFormerv2_Large_SUNRGBD.pth", 37, False)
    assert found.source.endswith("DFormerv2/resolve/main/DFormerv2/SUNRGBD/DFormerv2_Large_SUNRGBD.pth")
    assert CATALOGUE["dformer-tiny"].member == "NYUv2_DFormer_Tiny.pth"
    assert CATALOGUE["dformer-base-imagenet"].member == "DFormer_Base.pth.tar"


@pytest.mark.parametrize(
    ("variant", "classes", "name"),
    [
        ("dformer-small", 40, "dformer-small"),
        ("dformerv2-small", 37, "dformerv2-small-sunrgbd"),
        ("dformer-small", None, "dformer-small-imagenet"),
        ("dformerv2-small", None, "dformerv2-small-imagenet"),
    ],
)
def test_each_kind_of_file_is_recognised(
    shallow: None, tmp_path: Path, variant: str, classes: int | None, name: str
) -> None:
    record = import_file(saved(tmp_path / "renamed.pth", variant, classes))
    assert record.name == name
    assert find(name) == record.path


def test_other_networks_are_not_imported(shallow: None, tmp_path: Path) -> None:
    for classes, decoder in ((20, "ham"), (40, "mlp")):
        own = saved(tmp_path / "own.pth", "dformer-small", classes, decoder)
        with pytest.raises(CheckpointError, match=f"is no published file, .* {classes} classes"):
            import_file(own)
    other = saved(tmp_path / "other.pth", "dformer-small", 37)
    with pytest.raises(CheckpointError, match="has 37 classes, expected 40"):
        import_file(other, name="dformer-small")
    alone = saved(tmp_path / "alone.pth", "dformer-small", None)
    with pytest.raises(
        CheckpointError, match="is not dformer-tiny-imagenet: it seems to be a DFormer encoder"
    ):
        import_file(alone, name="dformer-tiny-imagenet")
    with pytest.raises(
        CheckpointError, match="expected a segmentation network, it seems to be a DFormer enc"
    ):
        import_file(alone, name="dformer-small")


def test_what_has_no_address_is_fetched_by_hand(shallow: None, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"fetch DFormer_Small.pth.tar with a browser from .*/folders/"):
        pull("dformer-small-imagenet")
    record = import_file(saved(tmp_path / "s.pth", "dformer-small", None))
    assert pull("dformer-small-imagenet") == record
    assert weights.official("dformer-small").drive_id is None
