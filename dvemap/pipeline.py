"""The run of `dvemap fuse`: decode, encode and update overlap; checkpoints make a killed run resumable.

Decoding has a thread pool (`sequences.prefetch`), encoding one thread, and the map is updated in the
caller's thread. Frames reach the map in their order, so a checkpoint is "the first n frames", and a
resumed run can neither lose nor repeat one.
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

import mapping
from dvemap import __version__
from dvemap.checkpoint import Progress, partial_path, progress_of
from dvemap.config import FuseConfig, SequenceConfig, with_shorthands
from dvemap.console import Bar, duration, quantity
from dvemap.encoders import FrameEncoder, empty_map, encoder
from dvemap.estimated_depth import EstimatedSequence
from dvemap.frame_depth import open_frame_depth
from dvemap.interrupts import Interrupts
from dvemap.outputs import check_output
from dvemap.stages import Encoded, Stages, encoded_frames
from mapping import FusionSettings, VoxelMap
from sequences import Frame, FrameError, Sequence, SequenceError, inspect_sequence, open_sequence

Live = Callable[[VoxelMap, npt.NDArray[np.float64]], None]

FORECAST_AFTER = (10, 100, 1000)  # frames


@dataclass
class Status:
    """Where a run stands, as told to its watcher after each frame."""

    done: int
    total: int
    skipped: int
    cells: int
    message: str | None = None


def shown_on(bar: Bar) -> Callable[[Status], None]:
    """Return a watcher that shows a run on a progress bar, its messages above it."""

    def watch(status: Status) -> None:
        if status.message:
            bar.say(status.message)
        bar.update(status.done, f"{status.cells:,} cells")

    return watch


@dataclass
class FuseResult:
    """What a run made.

    Attributes
    ----------
    map : VoxelMap
    frames, skipped : int
        Frames in the map, and frames that could not be used.
    reasons : list of str
        Why the first of the skipped ones were.
    seconds : float
        Wall time of the run.
    stages : dict
        Busy seconds of each stage; they overlap.
    digest : str
        Digest of the map.
    path : Path or None
        The file that was written.
    """

    map: VoxelMap
    frames: int
    skipped: int
    reasons: list[str]
    seconds: float
    stages: dict[str, float]
    digest: str
    path: Path | None


def fuse(
    sequence: Sequence | str | Path,
    output: str | Path | None = None,
    *,
    config: FuseConfig | None = None,
    order: list[int] | None = None,
    resume: bool = False,
    watch: Callable[[Status], None] | None = None,
    live: Live | None = None,
    **settings: Any,
) -> FuseResult:
    """Fuse a posed RGB-D sequence into a map.

    Parameters
    ----------
    sequence : Sequence or path
        The frames.
    output : path, optional
        Map file to write; a checkpoint lies beside it (`<output>.partial`) until the run is through.
    config : FuseConfig, optional
        All settings.
    order : list of int, optional
        Positions in the sequence to fuse, in this order; all of them in theirs by default.
    resume : bool
        Continue from the checkpoint of an interrupted run of the same settings, if there is one.
    watch : callable, optional
        Told the `Status` after each frame.
    live : callable, optional
        Given the map and the pose of the camera, T_world_camera (4, 4), after each frame that was fused.
    **settings
        Shorthands for single settings of the run: `encoder="labels"`, `cell_size=0.1`, `threads=2`,
        `depth_from="depth-anything-v2-metric-indoor-small"`, ...

    Returns
    -------
    FuseResult

    Raises
    ------
    SequenceError
        If the sequence is misread (see `inspect_sequence`) or too many frames are unusable.
    ValueError
        If settings do not fit, or the checkpoint is of another run.
    """
    config = with_shorthands(config or FuseConfig(), settings)
    target = None if output is None else Path(output)
    check_output(target)
    watch = watch or (lambda status: None)
    started = time.perf_counter()
    if not isinstance(sequence, Sequence):
        sequence = open_configured(sequence, config)
    elif late := sorted(settings.keys() & {*SequenceConfig.model_fields, "depth_from"}):
        raise ValueError(f"the sequence is open already; give {', '.join(late)} to open_sequence")
    order = list(range(len(sequence))) if order is None else list(order)
    if isinstance(sequence, EstimatedSequence):
        watch(Status(0, len(order), 0, 0, sequence.depth.about))
    if not config.run.trust:
        seen = inspect_sequence(sequence)
        notes = [f"{note.severity}: {note}" for note in seen.findings if note.severity != "error"]
        for line in (*seen.lines, *notes):
            watch(Status(0, len(order), 0, 0, line))
        seen.raise_if_wrong()
    frames = encoder(config.encoder, sequence, note=lambda text: watch(Status(0, len(order), 0, 0, text)))
    if frames.about:
        watch(Status(0, len(order), 0, 0, frames.about))
    run = _Run(sequence, frames, config, order, target, watch, live)
    if resume:
        run.continue_from_checkpoint()
    elif target is not None and partial_path(target).exists():
        watch(Status(0, len(order), 0, 0, f"note: --resume would have continued {partial_path(target)}"))
    run.fuse_all()
    digest = run.finish()
    return FuseResult(
        map=run.map,
        frames=run.progress.done - run.progress.skipped,
        skipped=run.progress.skipped,
        reasons=run.progress.reasons,
        seconds=time.perf_counter() - started,
        stages=run.stages.seconds(),
        digest=digest,
        path=target,
    )


def open_configured(path: str | Path, config: FuseConfig) -> Sequence:
    """Open a sequence as a configuration says, with labels where its encoder needs them, and with depth."""
    sequence = open_source(path, config)
    if config.depth.source is None:
        return sequence
    return EstimatedSequence(sequence, open_frame_depth(config.depth))


def open_source(path: str | Path, config: FuseConfig) -> Sequence:
    """Open a sequence as `open_configured` does, but load no estimator of depth: it may be RGB-only."""
    labels, estimated = config.encoder.name == "labels", config.depth.source is not None
    options = config.sequence.model_dump()
    return open_sequence(Path(path), labels=labels, depth_optional=estimated, **options)


class _Run:
    """One run: the map, how far it is, and its checkpoints."""

    def __init__(
        self,
        sequence: Sequence,
        frames: FrameEncoder,
        config: FuseConfig,
        order: list[int],
        output: Path | None,
        watch: Callable[[Status], None],
        live: Live | None = None,
    ) -> None:
        self.sequence = sequence
        self.frames = frames
        self.config = config
        self.order = order
        self.output = output
        self.watch = watch
        self.live = live
        self.settings = FusionSettings(**config.map.model_dump(exclude={"cell_size"}))
        self.map = empty_map(config.map.cell_size, self.settings, frames)
        self.progress = Progress()
        self.stages = Stages()
        self.saved_at = self.first_at = time.monotonic()
        self.first_done = 0
        self.clipped = self.broken = 0

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be of this run."""
        return {
            "sequence": self.sequence.fingerprint(),
            "order": hashlib.sha256(np.asarray(self.order, np.int64).tobytes()).hexdigest(),
            "map": {"cell_size": self.config.map.cell_size, **self.settings.to_dict()},
            "encoder": self.frames.identity,
            "depth": self._estimator,
        }

    @property
    def _estimator(self) -> dict[str, Any] | None:
        """What estimated the depth, if anything did."""
        return self.sequence.depth.identity if isinstance(self.sequence, EstimatedSequence) else None

    @property
    def provenance(self) -> dict[str, Any]:
        """What the map file says of its making."""
        return {
            "software": f"dvemap {__version__}",
            "sources": [{"path": str(self.sequence.path), "format": self.sequence.format}],
            "frames": self.progress.done - self.progress.skipped,
            "skipped": self.progress.skipped,
            "up": self.progress.up,
            "encoder": self.frames.identity,
            **({} if self._estimator is None else {"depth": self._estimator}),
            "config": self.config.model_dump(),
        }

    def continue_from_checkpoint(self) -> None:
        """Take up the map and the position of an interrupted run."""
        if self.output is None:
            return
        checkpoint = partial_path(self.output)
        finished = not checkpoint.exists() and self.output.exists()
        path = self.output if finished else checkpoint
        if not path.exists():
            self._say(f"no checkpoint at {checkpoint}; starting from the first frame")
            return
        made = mapping.read_header(path).provenance
        self.progress = progress_of(path, made, self.identity, self.config.model_dump())
        self.map = mapping.load(path, verify=True)
        self._say(f"{path}: continuing after {self.progress.done} of {len(self.order)} frames")

    def fuse_all(self) -> None:
        """Fuse the frames that are still to come."""
        rest = self.order[self.progress.done :]
        ready = encoded_frames(self.sequence, rest, self.frames, self.config.run.decode_threads, self.stages)
        with Interrupts() as interrupts, closing(ready):
            for item in ready:
                self._take(item)
                if interrupts.asked:
                    self._stop()

    def _stop(self) -> NoReturn:
        """End on Ctrl-C with a checkpoint, where there is an output."""
        self._checkpoint()
        message = f"interrupted after {self.progress.done} of {len(self.order)} frames"
        if self.output is not None and partial_path(self.output).exists():
            message += "; the same command with --resume continues"
        self._say(message)
        raise KeyboardInterrupt

    def _take(self, item: Encoded) -> None:
        if isinstance(item.frame, FrameError):
            self._skip(item.frame)
        else:
            with self.stages.timed("update"):
                self._integrate(item.frame, item)
            if self.live is not None:
                self.live(self.map, item.frame.T_world_camera)
        self.progress.done += 1
        done = self.progress.done
        if not self.first_done:  # the first frame pays for starting threads and loading kernels
            self.first_done, self.first_at = done, time.monotonic()
        message = (
            self._forecast() if done in FORECAST_AFTER and self.first_done < done < len(self.order) else None
        )
        self.watch(Status(done, len(self.order), self.progress.skipped, len(self.map), message))
        if time.monotonic() - self.saved_at > self.config.run.checkpoint_seconds:
            self._checkpoint()

    def _integrate(self, frame: Frame, item: Encoded) -> None:
        camera_up = -frame.T_world_camera[:3, 1]
        self.progress.up = [float(value) for value in self.progress.up + camera_up]
        report = self.map.integrate(
            frame.depth,
            frame.intrinsics,
            frame.T_world_camera,
            rgb=item.rgb,
            codes=item.codes,
            confidence=item.confidence,
            timestamp_ns=round(frame.timestamp * 1e9),
            threads=self.config.run.threads,
        )
        self.clipped += report.clipped
        self.broken += report.broken

    def _skip(self, error: FrameError) -> None:
        self.progress.skipped += 1
        if len(self.progress.reasons) < 20:
            self.progress.reasons.append(str(error))
        allowed = self.config.run.max_bad
        if self.progress.skipped > allowed * len(self.order):
            raise SequenceError(
                f"{self.sequence.path}: {self.progress.skipped} of {len(self.order)} frames cannot be used, "
                f"more than the {allowed:.0%} that --max-bad allows; the first: {self.progress.reasons[0]}; "
                "mend the frames, or allow more with --max-bad 0.5"
            )

    def _forecast(self) -> str:
        done, total = self.progress.done, len(self.order)
        spent = time.monotonic() - self.first_at
        left = spent / (done - self.first_done) * (total - done)
        size = quantity(self.map.size_in_bytes / done * total)
        return f"after {done} frames: about {duration(left)} to go, a map of at most {size}"

    def _checkpoint(self) -> None:
        if self.output is None or not self.progress.done:
            return
        path = partial_path(self.output)
        try:
            with self.stages.timed("save"):
                mapping.save(self.map, path, self._saved_provenance())
        except OSError as error:  # an hour of fusing must not end because a checkpoint could not be written
            reason = error.strerror or str(error)
            self._say(f"warning: no checkpoint at {path}: {reason}; fusing goes on and tries again")
        self.saved_at = time.monotonic()

    def _saved_provenance(self) -> dict[str, Any]:
        return {**self.provenance, "run": {"identity": self.identity, "progress": asdict(self.progress)}}

    def finish(self) -> str:
        """Write the map, remove the checkpoint and return the digest."""
        if self.clipped:
            self._say(
                f"warning: {self.clipped:,} numbers of codes were too large and clipped; "
                f"lower code_scale in encoder.json (it is {self.map.code_scale:g})"
            )
        if self.broken:
            self._say(f"warning: {self.broken:,} codes were not finite and left out; check the encoder")
        digest = self.map.digest()
        if self.output is None:
            return digest
        checkpoint = partial_path(self.output)
        try:
            with self.stages.timed("save"):
                mapping.save(self.map, self.output, {**self._saved_provenance(), "digest": digest})
        except OSError:
            if checkpoint.exists():
                self._say(f"warning: the last checkpoint stays at {checkpoint}; --resume continues from it")
            raise
        checkpoint.unlink(missing_ok=True)
        return digest

    def _say(self, message: str) -> None:
        self.watch(Status(self.progress.done, len(self.order), self.progress.skipped, len(self.map), message))
