"""A look at a few frames, before anything is built on them, for poses, units and cameras read wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sequences.agreement import Pair, choose_pairs
from sequences.camera import POSE_CONVENTIONS, Matrix, format_intrinsics
from sequences.errors import FrameError, SequenceError
from sequences.frame import Frame
from sequences.readings import (
    GOOD_SHARE,
    Verdict,
    centred,
    fixing_options,
    intrinsics_option,
    judge,
    off_centre,
)
from sequences.sequence import Sequence, Size

_STRANGE_CENTRE = 0.2  # parts of the image size; real cameras stay below 0.1
_PLAUSIBLE_DEPTH = (0.15, 12.0)  # metres: medians of rooms seen from within
_POSSIBLE_DEPTH = (0.03, 40.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the user should know.

    Attributes
    ----------
    severity : {"note", "warning", "error"}
        "error": the sequence should not be used as it is read.
    text : str
        What was found.
    option : str or None
        The option that helps.
    """

    severity: str
    text: str
    option: str | None = None

    def __str__(self) -> str:
        return self.text + (f"; use {self.option}" if self.option else "")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a sequence showed.

    Attributes
    ----------
    path : pathlib.Path
        Of the sequence.
    lines : tuple of str
        What was understood of it.
    findings : tuple of Finding
        What may be, or is, wrong.
    numbers : dict
        What this rests on: frames looked at, median depth in metres, and by reading the share of depth that
        agrees.
    """

    path: Path
    lines: tuple[str, ...]
    findings: tuple[Finding, ...]
    numbers: dict[str, Any]

    def summary(self) -> list[str]:
        """Lines of text: what was understood, then the findings."""
        return [*self.lines, *(f"{finding.severity}: {finding}" for finding in self.findings)]

    def raise_if_wrong(self) -> None:
        """Raise SequenceError, with the options that help, if an error was found."""
        errors = [str(finding) for finding in self.findings if finding.severity == "error"]
        if errors:
            raise SequenceError(f"{self.path}: {'. '.join(errors)} (or --trust to use it as it is)")

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        findings = [{"severity": f.severity, "text": f.text, "option": f.option} for f in self.findings]
        return {"path": str(self.path), "summary": list(self.lines), "findings": findings, **self.numbers}


def inspect_sequence(sequence: Sequence, frames: int = 10) -> Inspection:
    """Look at a few frames and tell whether the sequence is read as it is meant.

    Depth of some frames is reprojected into neighbours: as the sequence is read now, under the other pose
    conventions, in other common depth units, and, where the principal point is far from the middle of the
    images, with intrinsics of other image sizes. Where another reading does clearly better, that is an error
    whose finding names the option. What cannot be told (one frame, a camera that stands still) is said.

    Parameters
    ----------
    sequence : Sequence
        What to look at.
    frames : int
        About how many frames to decode, at least 2.

    Returns
    -------
    Inspection
        Nothing is raised for what is found; see its `raise_if_wrong`.
    """
    usable = sequence.usable
    stored = sequence.poses_as(POSE_CONVENTIONS[0])
    chosen = choose_pairs(stored, usable, max(1, frames // 2))
    wanted = sorted({i for pair in chosen for i in pair}) or [int(i) for i in np.flatnonzero(usable)[:frames]]
    looked, failures = _read(sequence, wanted)
    pairs = [
        Pair((looked[i].depth, looked[j].depth), stored[[i, j]])
        for i, j in chosen
        if i in looked and j in looked and looked[i].depth.any() and looked[j].depth.any()
    ]
    verdict = judge(sequence, pairs) if pairs else None
    median, depth_line = _depth_range(looked)
    if not sequence.estimated:
        depth_line += f", read at {sequence.depth_scale:g} units a metre"
    lines = [
        f"{sequence.name}: {sequence.format}, {len(sequence)} frames, colour {_text(sequence.color_size)}, "
        + (f"depth {_text(sequence.depth_size)}" if sequence.has_depth else "no depth"),
        f"camera: {format_intrinsics(sequence.intrinsics)} (fx,fy,cx,cy of "
        f"{'depth' if sequence.has_depth else 'colour'}), {_view(sequence.intrinsics, sequence.depth_size)}",
        *([depth_line] if sequence.has_depth else []),
        _walk(sequence, usable),
        *(_verdict_lines(sequence, verdict) if sequence.has_depth else []),
    ]
    findings = [
        *(Finding("note", note) for note in sequence.notes),
        *_frame_findings(sequence, usable, wanted, failures),
        *_reading_findings(sequence, verdict),
        *_camera_findings(sequence, verdict),
        *_depth_findings(sequence, verdict, median),
        *_track_findings(sequence, usable),
    ]
    numbers: dict[str, Any] = {"frames_looked_at": len(looked), "frames_unreadable": len(failures)}
    numbers["median_depth"] = median
    if verdict:
        numbers["agreement"] = {name: value.share for name, value in verdict.conventions.items()}
        numbers["agreement_by_depth_scale"] = {f"{s:g}": value.share for s, value in verdict.scales.items()}
    return Inspection(sequence.path, tuple(lines), tuple(findings), numbers)


def _read(sequence: Sequence, wanted: list[int]) -> tuple[dict[int, Frame], list[FrameError]]:
    looked, failures = {}, []
    for i in wanted:
        try:
            looked[i] = sequence[i]
        except FrameError as error:
            failures.append(error)
    return looked, failures


def _depth_range(looked: dict[int, Frame]) -> tuple[float | None, str]:
    """Median depth in metres, None where there is none, and a line of text."""
    values = [frame.depth[frame.depth > 0] for frame in looked.values()]
    depth = np.concatenate(values) if values else np.empty(0, np.float32)
    if not len(depth):
        return None, "depth: no valid pixel"
    pixels = sum(frame.depth.size for frame in looked.values())
    low, median, high = np.percentile(depth, (1, 50, 99))
    valid = len(depth) / pixels
    return float(
        median
    ), f"depth: {low:.2f} to {high:.2f} m, median {median:.2f} m, {valid:.0%} of pixels valid"


def _walk(sequence: Sequence, usable: npt.NDArray[np.bool_]) -> str:
    centres = sequence.poses[usable, :3, 3]
    length = float(np.linalg.norm(np.diff(centres, axis=0), axis=1).sum()) if len(centres) > 1 else 0.0
    seconds = sequence.timestamp(len(sequence) - 1) - sequence.timestamp(0)
    return f"walk: {length:.1f} m in {seconds:.1f} s, {int(usable.sum())} of {len(usable)} poses usable"


def _verdict_lines(sequence: Sequence, verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return ["poses and units: could not be checked, there are no two frames to compare"]
    others = ", ".join(
        f"{name} {value.share:.0%}"
        for name, value in verdict.conventions.items()
        if name != sequence.pose_convention
    )
    shares = (
        f"{sequence.pose_convention} {verdict.now.share:.0%} of depth agrees between neighbours ({others})"
    )
    units = ", ".join(
        f"{scale:g} {value.share:.0%}"
        for scale, value in verdict.scales.items()
        if scale != sequence.depth_scale
    )
    lines = [f"poses: {shares}"]
    if not sequence.estimated:
        lines.append(f"units: {sequence.depth_scale:g} {verdict.now.share:.0%} ({units})")
    still = "could not be told apart, the camera hardly moves among the frames looked at"
    if verdict.now.share >= GOOD_SHARE:
        lines[0] += "" if verdict.poses_told else f"; conventions {still}"
        lines[-1] += "" if verdict.scale_told else f"; units {still}"
    return lines


def _frame_findings(
    sequence: Sequence, usable: npt.NDArray[np.bool_], wanted: list[int], failures: list[FrameError]
) -> list[Finding]:
    findings = []
    if not usable.any():
        try:
            sequence.pose(0)
        except FrameError as error:
            findings.append(Finding("error", f"none of {len(usable)} poses can be used; the first: {error}"))
    elif not usable.all():
        lost = int((~usable).sum())
        findings.append(
            Finding("note", f"{lost} of {len(usable)} frames have no usable pose and are skipped")
        )
    if failures:
        severity = "error" if len(failures) == len(wanted) else "warning"
        text = f"{len(failures)} of {len(wanted)} frames looked at cannot be read; the first: {failures[0]}"
        findings.append(Finding(severity, text))
    return findings


def _reading_findings(sequence: Sequence, verdict: Verdict | None) -> list[Finding]:
    if verdict is None:
        return []
    if verdict.wrong is not None:
        text = (
            f"another reading agrees better: {verdict.now.share:.0%} of depth agrees between neighbours as "
            f"it is read now, {verdict.best.share:.0%} with the options named here"
        )
        return [Finding("error", text, fixing_options(sequence, verdict.wrong))]
    if verdict.now.share < GOOD_SHARE:
        else_wrong = "not in metres, or the estimates are poor" if sequence.estimated else "the scene moves"
        text = (
            f"only {verdict.now.share:.0%} of depth agrees between neighbours, and no other reading does "
            "clearly better: the poses may be of another camera or not in time with the images, or "
            f"{else_wrong}"
        )
        return [Finding("warning", text)]
    return []


def _camera_findings(sequence: Sequence, verdict: Verdict | None) -> list[Finding]:
    """Principal points far from the middle of the images, where the frames do not speak for them."""
    if verdict is not None and (verdict.wrong is not None or verdict.now.share >= GOOD_SHARE):
        cameras = []
    else:
        cameras = [("depth", sequence.intrinsics, sequence.depth_size)]
    if not sequence.estimated and not np.array_equal(sequence.color_intrinsics, sequence.intrinsics):
        cameras.append(("colour", sequence.color_intrinsics, sequence.color_size))
    findings = []
    for what, K, size in cameras:
        if off_centre(K, size) <= _STRANGE_CENTRE:
            continue
        guess = centred(K, size)
        text = (
            f"the principal point ({K[0, 2]:.1f}, {K[1, 2]:.1f}) of the {what} camera is far from the middle "
            f"of its {_text(size)} images: the intrinsics are probably for images of about "
            f"{2 * K[0, 2] + 1:.0f}x{2 * K[1, 2] + 1:.0f}"
        )
        if what == "depth" or sequence.color_size == sequence.depth_size:
            findings.append(Finding("error", text, intrinsics_option(sequence, guess)))
        else:
            text += f"; correct them in the source ({format_intrinsics(guess)})"
            findings.append(Finding("error", text))
    return findings


def _depth_findings(sequence: Sequence, verdict: Verdict | None, median: float | None) -> list[Finding]:
    """A depth range that rooms do not have, where the frames do not speak for the units."""
    if not sequence.has_depth:
        return [Finding("note", "it is RGB-only: depth must be estimated", "--depth-from")]
    if median is None:
        return [Finding("error", "the frames looked at hold no valid depth")] if verdict is None else []
    if sequence.estimated:
        return []
    told = verdict is not None and verdict.scale_told and verdict.now.share >= GOOD_SHARE
    wrong = verdict is not None and verdict.wrong is not None
    if told or wrong or _PLAUSIBLE_DEPTH[0] <= median <= _PLAUSIBLE_DEPTH[1]:
        return []
    possible = _POSSIBLE_DEPTH[0] <= median <= _POSSIBLE_DEPTH[1]
    # The power of ten that brings the median nearest to the two metres of an ordinary room.
    scale = sequence.depth_scale * 10.0 ** round(float(np.log10(median / 2)))
    text = f"a median depth of {median:.3g} m is not that of a room: the units are probably wrong"
    return [Finding("warning" if possible else "error", text, f"--depth-scale {scale:g}, if so")]


def _track_findings(sequence: Sequence, usable: npt.NDArray[np.bool_]) -> list[Finding]:
    """Gaps in time and jumps of the camera between neighbouring frames."""
    findings = []
    rows = np.flatnonzero(usable)
    steps = np.diff([sequence.timestamp(i) for i in range(len(sequence))])
    if len(steps) and steps.min() < 0:
        findings.append(Finding("warning", f"time runs backward at {int((steps < 0).sum())} frames"))
    if len(steps):
        gaps = steps > max(1.0, 10 * float(np.median(steps)))
        if gaps.any():
            findings.append(
                Finding("warning", f"{int(gaps.sum())} gaps in time, the longest of {steps.max():.1f} s")
            )
    if len(rows) > 1:
        moves = np.linalg.norm(np.diff(sequence.poses[rows, :3, 3], axis=0), axis=1)
        jumps = moves > max(1.0, 10 * float(np.median(moves)))
        if jumps.any():
            first = sequence.source_index(int(rows[int(np.argmax(jumps)) + 1]))
            findings.append(
                Finding(
                    "warning",
                    f"the camera jumps {int(jumps.sum())} times, by up to {moves.max():.1f} m; "
                    f"first at frame {first}",
                )
            )
    return findings


def _text(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def _view(K: Matrix, size: Size) -> str:
    angles = (2 * np.degrees(np.arctan(size[1 - k] / 2 / K[k, k])) for k in (0, 1))
    return "view of " + " x ".join(f"{angle:.0f}" for angle in angles) + " degrees"
