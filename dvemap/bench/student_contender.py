"""The benchmark's hold on a process that runs one contender."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt


class ContenderError(ValueError):
    """A contender that cannot run here; the message says why."""


class ContenderProcess:
    """One contender, started and ready.

    Parameters
    ----------
    job
        What `dvemap.bench.student_worker` takes.

    Raises
    ------
    ContenderError
        It cannot run here.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        threads = str(job["threads"])
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dvemap.bench.student_worker", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        )
        self._commands = cast(IO[str], self._process.stdin)
        self._answers = cast(IO[str], self._process.stdout)
        try:
            answer = self._hear()
            if answer != "ready":
                raise ContenderError(answer.removeprefix("failed "))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ContenderProcess:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the process leave."""
        self.close()

    def run(self) -> float:
        """Run once; returns milliseconds."""
        return float(self._ask("run"))

    def peak(self) -> float:
        """Return the peak memory so far, MB of 10^6 bytes; on a GPU what the process holds there."""
        return float(self._ask("peak"))

    def results(self, folder: Path) -> dict[str, npt.NDArray[Any]]:
        """Return what it makes of all frames; passes through a file in `folder`."""
        path = folder / "results.npz"
        self._ask(f"codes {path}")
        with np.load(path) as results:
            found = {name: results[name] for name in results.files}
        path.unlink()
        return found

    def close(self) -> None:
        """Let the process leave."""
        with suppress(BrokenPipeError):
            self._commands.close()
        self._process.wait()
        self._answers.close()
        self._complaints.close()

    def _ask(self, line: str) -> str:
        self._commands.write(line + "\n")
        self._commands.flush()
        return self._hear()

    def _hear(self) -> str:
        line = self._answers.readline()
        if line:
            return line.strip()
        status = self._process.wait()
        self._complaints.seek(0)
        last = self._complaints.read().strip().splitlines()[-1:]
        raise ContenderError(f"its process ended with status {status}: {''.join(last)}")
