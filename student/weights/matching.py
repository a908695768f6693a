"""Which published file some weights are."""

from __future__ import annotations

from pathlib import PurePath

from student.checkpoints import checkpoint_of
from student.checkpoints.backbone import backbone_state
from student.checkpoints.dformer_file import dformer_backbone_of
from student.checkpoints.dformer_state import nearest_dformer
from student.checkpoints.dpt_keys import family_of, is_unused, to_official
from student.checkpoints.file import CheckpointFile
from student.checkpoints.kind import Kind, describe, is_matrix, kind_of, probe_state_of, state_of
from student.checkpoints.segmentor_file import segmentor_of
from student.checkpoints.shape import mismatch
from student.errors import CheckpointError
from student.networks.config import CONFIGS
from student.weights.catalogue import CATALOGUE, EMBEDDING_DIM
from student.weights.official import OfficialFile


def check_content(file: CheckpointFile, entry: OfficialFile) -> None:
    """Raise unless a file holds what a published one must hold, key by key.

    Raises
    ------
    CheckpointError
        It is of another kind, another variant or another number of classes, or incomplete.
    """
    found = kind_of(file.content)
    if found is not entry.kind:
        raise CheckpointError(
            f"{file.name} is not {entry.name}: expected a {entry.kind}, it seems to be "
            f"{describe(file.content, file.metadata)}"
        )
    if entry.kind is Kind.STUDENT:
        checkpoint_of(file, name=entry.variant)
    elif entry.kind is Kind.BACKBONE:
        backbone_state(file, CONFIGS["dveformer-reducedres"])
    elif entry.kind is Kind.SEGMENTOR:
        segmentor_of(file, entry.variant, entry.classes)
    elif entry.kind is Kind.DFORMER:
        name, _ = dformer_backbone_of(file)
        if name != entry.variant:
            raise CheckpointError(
                f"{file.name} is not {entry.name}: it seems to be {describe(file.content, file.metadata)}"
            )
    elif entry.kind is Kind.DEPTH:
        wrong = _depth_mismatch(file, entry)
        if wrong is not None:
            raise CheckpointError(
                f"{file.name} is not {entry.name}: {wrong}; it seems to be "
                f"{describe(file.content, file.metadata)}"
            )
    elif _probe_shape(file) != (entry.classes, EMBEDDING_DIM):
        raise CheckpointError(
            f"{file.name} is not {entry.name}: expected a probe of {entry.classes} classes over "
            f"{EMBEDDING_DIM} numbers, it seems to be {describe(file.content)}"
        )


def match(file: CheckpointFile) -> OfficialFile:
    """Return the published file that a file is.

    Students, segmentation networks and encoders follow from their weights. Probes of as many classes look
    alike, as do networks of relative and of metric depth: of those the one is taken whose published file name
    the file still bears.

    Raises
    ------
    CheckpointError
        It is none of them, incomplete, or could be several; the message names those.
    """
    kind = kind_of(file.content)
    fits = [entry for entry in CATALOGUE.values() if entry.kind is kind]
    if kind is Kind.STUDENT:
        variant = checkpoint_of(file).variant
        fits = [entry for entry in fits if entry.variant == variant]
    elif kind is Kind.PROBE:
        shape = _probe_shape(file)
        fits = [entry for entry in fits if (entry.classes, EMBEDDING_DIM) == shape]
    elif kind is Kind.SEGMENTOR:
        network = segmentor_of(file)
        known = (network.variant, network.config.classes, network.config.decoder)
        fits = [entry for entry in fits if (entry.variant, entry.classes, "ham") == known]
    elif kind is Kind.DFORMER:
        name = nearest_dformer(state_of(file.content)).name
        fits = [entry for entry in fits if entry.variant == name]
    elif kind is Kind.DEPTH:
        fits = [entry for entry in fits if _depth_mismatch(file, entry) is None]
    if len(fits) > 1:
        stems = [PurePath(entry.member).stem for entry in fits]
        named = [entry for entry, stem in zip(fits, stems, strict=True) if _bears(file.name, stem)]
        fits = named if len(named) == 1 else fits
    if not fits:
        raise CheckpointError(
            f"{file.name} is no published file, it seems to be {describe(file.content, file.metadata)}; "
            "files of your own need no import, give their path where a name is asked for"
        )
    if len(fits) > 1:
        names = ", ".join(entry.name for entry in fits)
        raise CheckpointError(
            f"{file.name} is {describe(file.content)}, which may be {names}; say which with --name"
        )
    check_content(file, fits[0])
    return fits[0]


def _depth_mismatch(file: CheckpointFile, entry: OfficialFile) -> str | None:
    """Say how the keys and shapes of a depth network differ from those of a published one."""
    from student.networks.depth_anything import depth_anything_config
    from student.networks.dpt import empty_dpt
    from student.networks.dpt_config import published_dpt

    state, variant = state_of(file.content), str(entry.variant)
    family = family_of(state)
    if family is None:
        return "its keys are unknown"
    size = variant.removeprefix("depth-anything-v2-")
    config = published_dpt(variant) if size == variant else depth_anything_config(size)
    used = {key: value for key, value in state.items() if not is_unused(key, family)}
    return mismatch(to_official(empty_dpt(config).state_dict(), family), used)


def _probe_shape(file: CheckpointFile) -> tuple[int, ...] | None:
    weight = probe_state_of(file.content).get("weight")
    if weight is None or not is_matrix(weight):
        return None
    return tuple(weight.shape[:2])


def _bears(name: str, stem: str) -> bool:
    """Say whether a path, or the member of an archive in brackets behind it, has a file name's stem."""
    path, _, member = name.removesuffix(")").rpartition(" (")
    return any(PurePath(part).name.split(".")[0] == stem for part in (name, path, member))
