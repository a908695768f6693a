"""Which format lies there, and what is said where none does."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sequences
from sequences import READERS, SequenceError, open_sequence, prefetch, write_sens


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        open_sequence(tmp_path / "nowhere")


def test_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SequenceError) as caught:
        open_sequence(tmp_path)
    message = str(caught.value)
    assert "Found: nothing, the folder is empty" in message
    for format in READERS:
        assert f"  {format}: " in message


def test_unknown_layout_says_what_lies_there_and_what_was_meant(
    layouts: SimpleNamespace, tmp_path: Path, room: Any
) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "scans").mkdir()
    (tmp_path / "room0").mkdir()
    layouts.replica(tmp_path / "room0", room.first(1))
    with pytest.raises(SequenceError) as caught:
        open_sequence(tmp_path)
    assert "Found: room0/ (3), scans/ (0), readme.txt" in str(caught.value)
    assert f"Did you mean {tmp_path / 'room0'} (replica)?" in str(caught.value)
    for k in range(40):
        (tmp_path / f"{k}.bin").touch()
    with pytest.raises(SequenceError, match=r"40 x \*\.bin"):
        open_sequence(tmp_path)
    with pytest.raises(SequenceError, match="Found: a file of 5 bytes"):
        open_sequence(tmp_path / "readme.txt")


def test_folders_without_images_or_readable_ones(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    for name in ("color", "depth", "pose"):
        (tmp_path / name).mkdir()
    with pytest.raises(SequenceError, match=r"color: no images; expected files N\.jpg, N\.jpeg, N\.png"):
        open_sequence(tmp_path)
    layouts.save(tmp_path / "color" / "0.png", room.rgb[0])
    with pytest.raises(SequenceError, match=r"depth: no images; expected files N\.png"):
        open_sequence(tmp_path)
    (tmp_path / "depth" / "0.png").write_bytes(b"")
    with pytest.raises(
        SequenceError, match=r"none of 1 depth images can be read; the last: .*0\.png: the file is empty"
    ):
        open_sequence(tmp_path)


def test_format_can_be_forced(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room.first(2))
    write_sens(tmp_path / "a.sens", open_sequence(tmp_path))
    assert open_sequence(tmp_path).format == "scannet"
    assert open_sequence(tmp_path, format="scannet-sens").format == "scannet-sens"
    assert open_sequence(tmp_path / "a.sens").format == "scannet-sens"
    write_sens(tmp_path / "b.sens", open_sequence(tmp_path))
    with pytest.raises(SequenceError, match=r"expected one \.sens file, found 2"):
        open_sequence(tmp_path, format="scannet-sens")


def test_public_names_are_there_and_lazy() -> None:
    assert set(dir(sequences)) >= {"open_sequence", "Frame", "inspect_sequence", "write_sens"}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sequences.nothing  # type: ignore[attr-defined]
    code = "import sys, sequences; print([m for m in ('numpy', 'cv2', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert callable(prefetch)
    assert np.isscalar(sequences.READERS["tum"].format)
