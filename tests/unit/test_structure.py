"""The rooms and arrows of the design: who may import whom, what a bare import costs, how long a file is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dvemap", "student", "mapping", "viewer", "sequences")
ARROWS = {
    "dvemap": {"dvemap", "student", "mapping", "viewer", "sequences"},
    "viewer": {"viewer", "mapping"},
    "student": {"student"},
    "mapping": {"mapping"},
    "sequences": {"sequences"},
}
HOMES = {
    "torch": ("student",),
    "torchvision": ("student",),
    "timm": ("student",),
    "open_clip": ("student",),
    "sentence_transformers": ("student",),
    "transformers": ("student",),
    "onnxruntime": ("student",),
    "open3d": ("viewer",),
    "rerun": ("dvemap/exporting",),
    "numba": ("mapping/kernels", "sequences/synth", "dvemap/bench"),
}
# The torch baseline is what the map's speed is measured against.
HOMES["torch"] = (*HOMES["torch"], "dvemap/bench")


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def test_rooms_import_only_along_the_arrows() -> None:
    wrong = []
    for path in sources():
        room = path.relative_to(ROOT).parts[0]
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in imported(path) & set(ROOMS)
            if name not in ARROWS[room]
        ]
    assert wrong == []


def test_heavy_libraries_stay_in_their_rooms() -> None:
    wrong = []
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        wrong += [
            f"{place} imports {name}"
            for name in imported(path) & set(HOMES)
            if not place.startswith(HOMES[name])
        ]
    assert wrong == []


def test_no_file_is_longer_than_400_lines() -> None:
    files = [*sources(), *(ROOT / "tests").rglob("*.py")]
    long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


@pytest.mark.parametrize("statement", ["import dvemap", "from dvemap.cli import overview; overview()"])
def test_bare_import_and_help_load_nothing_heavy(statement: str) -> None:
    heavy = ("numpy", "torch", "numba", "open3d", "cv2", "scipy")
    done = run_python("-c", f"{statement}; import sys; print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_help_process_loads_nothing_heavy_and_fits_one_screen() -> None:
    done = run_python("-X", "importtime", "-m", "dvemap", "--help")
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert not loaded & {"numpy", "torch", "numba", "open3d"}
    assert "dvemap fuse" in done.stdout
    assert len(done.stdout.splitlines()) <= 34


def test_every_public_name_loads() -> None:
    import dvemap

    for name in dvemap.__all__:
        assert getattr(dvemap, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fusion'"):
        _ = dvemap.fusion  # type: ignore[attr-defined]


def test_every_command_has_a_module_and_a_help_with_two_examples() -> None:
    from importlib import import_module

    from dvemap.cli import COMMANDS

    for group in COMMANDS.values():
        for name in group:
            module = import_module(f"dvemap.commands.{name}")
            assert module.__doc__ is not None
            text = (ROOT / "dvemap" / "commands" / f"{name}.py").read_text()
            assert text.count(f"  dvemap {name} ") >= 2, name
