"""Published estimators of depth: which file is which, and under which terms."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch

from student.checkpoints.dpt_keys import Family, to_official
from student.checkpoints.kind import Kind, describe, kind_of
from student.errors import CheckpointError
from student.networks.depth_anything import depth_anything_config
from student.networks.dpt import empty_dpt
from student.networks.dpt_config import published_dpt
from student.weights import CATALOGUE, OfficialFile, find, import_file

DEPTH = [name for name, entry in CATALOGUE.items() if entry.kind is Kind.DEPTH]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))


def blank(entry: OfficialFile) -> dict[str, torch.Tensor]:
    """Return a state of full size that takes no room, with what official files hold without use."""
    variant = str(entry.variant)
    size = variant.removeprefix("depth-anything-v2-")
    if size == variant:
        family, config, unused = Family.DPT_DEPTH, published_dpt(variant), "pretrained.model.head.weight"
    else:
        family, config, unused = (
            Family.DEPTH_ANYTHING,
            depth_anything_config(size),
            "pretrained.mask_token",
        )
    shapes = to_official(empty_dpt(config).state_dict(), family)
    state = {key: torch.zeros((), dtype=like.dtype).expand(like.shape) for key, like in shapes.items()}
    return {**state, unused: torch.zeros(1)}


@pytest.mark.parametrize("name", DEPTH)
def test_each_published_file_is_recognised_by_its_keys_and_its_name(tmp_path: Path, name: str) -> None:
    entry = CATALOGUE[name]
    path = tmp_path / entry.member
    torch.save(blank(entry), path)
    assert import_file(path).name == name
    assert find(name) is not None


def test_files_that_look_alike_need_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(blank(CATALOGUE["dpt-hybrid"]), path)
    with pytest.raises(
        CheckpointError, match=r"may be dpt-hybrid, dpt-hybrid-nyu, dpt-hybrid-kitti; say which"
    ):
        import_file(path)
    assert import_file(path, name="dpt-hybrid-nyu").name == "dpt-hybrid-nyu"
    with pytest.raises(
        CheckpointError, match=r"is not dpt-large: of its keys .* it seems to be a network that"
    ):
        import_file(path, name="dpt-large")
    with pytest.raises(CheckpointError, match=r"is not dveformer-fullres: expected a student"):
        import_file(path, name="dveformer-fullres")


def test_what_it_is_follows_from_its_keys() -> None:
    state = blank(CATALOGUE["depth-anything-v2-small"])
    assert kind_of(state) is Kind.DEPTH
    assert describe(state) == "a network that estimates depth (Depth Anything V2)"


def test_each_entry_says_where_it_is_and_under_which_terms() -> None:
    assert len(DEPTH) == 13
    for entry in (CATALOGUE[name] for name in DEPTH):
        address = urlsplit(entry.source)
        assert (address.scheme, entry.drive_id) == ("https", None)
        assert address.path.endswith(f"/{entry.member}")
        small = entry.name.endswith("small")
        expected = "MIT" if entry.name.startswith("dpt") else "Apache-2.0" if small else "CC-BY-NC-4.0"
        assert entry.licence.name == expected
    assert CATALOGUE["depth-anything-v2-metric-outdoor-base"].max_depth == 80
    assert CATALOGUE["depth-anything-v2-large"].max_depth is None
