"""Saving that goes wrong leaves the old file, and nothing else."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mapping.atomic import atomic_write
from mapping.keys import pack
from mapping.storage import load, save
from mapping.tensor_file import Tensor, write_tensors
from mapping.voxel_map import VoxelMap


def make_map(cells: int) -> VoxelMap:
    """Return a map of a plane seen by one frame, one cell a pixel."""
    room = VoxelMap(0.01)
    side = int(cells**0.5)
    K = np.array([[side, 0, side / 2], [0, side, side / 2], [0, 0, 1.0]])
    room.integrate(np.full((side, side), 1, np.float32), K, np.eye(4))
    return room


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt, MemoryError, OSError(errno.ENOSPC, "No space left")]
)
def test_any_interruption_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException | type[BaseException]
) -> None:
    path = tmp_path / "room.dvm"
    save(make_map(100), path)
    digest = load(path).digest()

    def fail(descriptor: int) -> None:
        raise interruption

    monkeypatch.setattr(os, "fsync", fail)
    expected = interruption if isinstance(interruption, type) else type(interruption)
    with pytest.raises(expected) as caught:
        save(make_map(400), path)
    monkeypatch.undo()
    if isinstance(caught.value, OSError):
        assert str(path) in str(caught.value)
    assert names(tmp_path) == ["room.dvm"]
    assert load(path, verify=True).digest() == digest


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small file system")
def test_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a file system here")
    try:
        path = small / "room.dvm"
        save(make_map(100), path)
        digest = load(path).digest()
        with pytest.raises(OSError, match=r"No space left on device: .*room.dvm") as caught:
            save(make_map(10_000), path)
        assert caught.value.errno == errno.ENOSPC
        assert names(small) == ["room.dvm"]
        assert load(path, verify=True).digest() == digest
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_kill_in_the_middle_leaves_the_old_file_and_the_next_save_tidies_up(tmp_path: Path) -> None:
    path = tmp_path / "room.dvm"
    save(make_map(100), path)
    digest = load(path).digest()
    script = (
        "import sys, time; from pathlib import Path; from mapping.atomic import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half a map'); file.flush(); print('writing', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    assert len(names(tmp_path)) == 2
    save(make_map(100), tmp_path / "room.dvm")  # does not disturb a writer that is alive
    assert len(names(tmp_path)) == 2
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert load(path, verify=True).digest() == digest
    save(make_map(100), path)
    assert names(tmp_path) == ["room.dvm"]


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    """A device such as /dev/null would become a file; a folder would be noticed after gigabytes."""
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for path, error in ((pipe, FileExistsError), (folder, IsADirectoryError)):
        with pytest.raises(error, match=str(path)), atomic_write(path):
            pytest.fail("it must be refused before anything is written")
    assert pipe.is_fifo()
    assert names(tmp_path) == ["folder", "pipe"]


def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(make_map(4), tmp_path / "no" / "room.dvm")


def test_link_is_followed_and_permissions_are_usual(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    link = tmp_path / "room.dvm"
    link.symlink_to(tmp_path / "deep" / "real.dvm")
    save(make_map(4), link)
    assert link.is_symlink()
    assert names(tmp_path / "deep") == ["real.dvm"]
    umask = os.umask(0)
    os.umask(umask)
    assert link.stat().st_mode & 0o777 == 0o666 & ~umask


def test_chunks_must_make_up_the_declared_shape(tmp_path: Path) -> None:
    short = Tensor(np.int64, (3,), [np.zeros(2, np.int64)])
    with pytest.raises(ValueError, match="tensor x: 24 bytes were declared, got 16"):
        write_tensors(tmp_path / "file", "toy", {}, {"x": short})
    assert names(tmp_path) == []


def test_saving_takes_no_second_copy_of_the_codes(tmp_path: Path) -> None:
    import tracemalloc

    from mapping.fields import Fields
    from mapping.occupancy import OccupancyRows

    cells, code_dim = 120_000, 256
    columns = {name: np.zeros(cells, np.int64) for name in Fields.__slots__}
    columns["key"] = pack(
        np.stack([np.arange(cells) % 1000, np.arange(cells) // 1000, np.zeros(cells, int)], 1)
    )
    columns |= {"s": np.zeros((cells, 3), np.int64), "Q": np.zeros((cells, 6), np.int64)}
    columns |= {"color": columns["s"], "code": np.zeros((cells, code_dim), np.int32)}
    none = np.zeros(0, np.int32)
    room = VoxelMap.from_fields(
        cell_size=0.05,
        code_dim=code_dim,
        code_scale=1.0,
        space=None,
        head=None,
        fields=Fields(**columns),
        occupancy=OccupancyRows(none.astype(np.int64), none, none),
    )
    tracemalloc.start()
    started = time.perf_counter()
    save(room, tmp_path / "room.dvm")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - started < 30
    assert room.code.nbytes > 120e6
    assert peak < 50e6


def test_atomic_write_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_write(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
