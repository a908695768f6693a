"""The folder of a training run: settings, state, students, history and pictures."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from dvemap import __version__
from dvemap.training_config import TrainConfig, changed_settings
from mapping import atomic_write


class RunFolder:
    """Where a run keeps what it makes.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path, config, state, history, last, best, panels : Path
        `config.yaml`, `state.pt`, `history.json`, the students `last.safetensors` and `best.safetensors`,
        and the folder of pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config, self.state, self.history = (
            path / name for name in ("config.yaml", "state.pt", "history.json")
        )
        self.last, self.best = path / "last.safetensors", path / "best.safetensors"
        self.panels = path / "panels"

    def check(self, resume: bool) -> None:
        """Raise ValueError where a run would hide another one, or there is none to go on with."""
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path}: expected a folder for the run, got a file")
        if resume and not self.state.is_file():
            raise ValueError(f"{self.path}: --resume needs an earlier run's state.pt, there is none")
        if not resume and self.state.is_file():
            raise ValueError(
                f"{self.path}: holds an earlier run; go on with it by --resume, or train in another folder "
                "with -o"
            )

    def prepare(self, config: TrainConfig) -> None:
        """Make the folder and note the settings in it; what a run left that saved no state is removed."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.state.is_file():
            for remains in (self.path / "tensorboard", self.panels):
                shutil.rmtree(remains, ignore_errors=True)
        self.panels.mkdir(exist_ok=True)
        text = f"# dvemap {__version__}\n" + yaml.safe_dump(config.plain(), sort_keys=False, width=110)
        with atomic_write(self.config) as file:
            file.write(text.encode())

    def write_history(self, history: list[dict[str, Any]]) -> None:
        """Write a row an epoch."""
        with atomic_write(self.history) as file:
            file.write((json.dumps(history, indent=1) + "\n").encode())


def check_same_run(path: Path, former: dict[str, Any], config: TrainConfig) -> None:
    """Raise ValueError where a run was begun with settings that lead elsewhere."""
    changed = changed_settings(former, config.plain())
    if changed:
        shown = ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
        raise ValueError(
            f"{path}: the run that --resume goes on with has other settings: {shown}; give the same ones, or "
            "train in another folder with -o"
        )
