"""Alpha-CLIP, loaded from its two files, against the official model under deterministic weights."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from student.teacher.alpha_clip import AlphaClip
from student.teacher.alpha_clip_files import assemble, load_alpha_clip

TOLERANCE = 1e-4
State = dict[str, torch.Tensor]


@pytest.mark.parametrize("name", ["alphaclip_b16", "alphaclip_l14_336"])
def test_features(golden: Path, deterministic: SimpleNamespace, name: str, tmp_path: Path) -> None:
    visual, text = filled(golden / f"{name}.json", deterministic)
    if name == "alphaclip_b16":
        network = load_alpha_clip(*write(visual, text, tmp_path))
    else:  # 15 s and 3 GB; its 1.7 GB need not pass the disk as well
        network = assemble(as_open_clip(visual), as_open_clip(text), "alpha", "base")
    del visual, text
    with np.load(golden / f"{name}.npz") as oracle:
        check_image(network, oracle, deterministic)
        tokens = open_clip.tokenize(oracle["strings"].tolist())
        np.testing.assert_array_equal(tokens, oracle["tokens"])
        check("text_features", network.embed_texts(tokens), oracle)


def filled(keys: Path, deterministic: SimpleNamespace) -> tuple[State, State]:
    """Fill the two towers of a model by their official keys."""
    visual, text = {}, {}
    for key, shape, _ in json.loads(keys.read_text()):
        value = torch.from_numpy(deterministic.tensor(key, tuple(shape)))
        if key == "logit_scale":
            value = torch.tensor(np.log(1 / 0.07), dtype=torch.float32)
        (visual if key.startswith("visual.") else text)[key] = value
    return visual, text


def as_open_clip(state: State) -> State:
    return {key.replace("attn.in_proj.", "attn.in_proj_"): value for key, value in state.items()}


def write(visual: State, text: State, folder: Path) -> tuple[Path, Path]:
    """Write the two files as they are published; `module.` is what parallel training may leave."""
    alpha, base = folder / "alpha.safetensors", folder / "base.safetensors"
    save_file({f"module.{key.removeprefix('visual.')}": value for key, value in visual.items()}, alpha)
    save_file(as_open_clip(text), base)
    return alpha, base


def check_image(network: AlphaClip, oracle: Any, deterministic: SimpleNamespace) -> None:
    seen: dict[str, torch.Tensor] = {}
    visual = network.clip.visual
    visual.ln_pre.register_forward_hook(lambda _, __, out: seen.update(ln_pre_slice=out[:, :5, :8]))
    first = visual.transformer.resblocks[0]
    first.register_forward_hook(lambda _, __, out: seen.update(block0_slice=out[:, :5, :8]))
    count, side = len(oracle["image_features"]), network.shape.side
    image = torch.from_numpy(deterministic.uniform("image", (count, 3, side, side), -2, 2))
    alpha = torch.from_numpy(deterministic.uniform("alpha", (count, 1, side, side), -2, 2))
    seen["image_features"] = network(network.rgb_patches(image), alpha)
    for key, value in seen.items():
        check(key, value, oracle)


def check(key: str, made: torch.Tensor, oracle: Any) -> None:
    np.testing.assert_allclose(made.numpy(), oracle[key], rtol=0, atol=TOLERANCE, err_msg=key)
