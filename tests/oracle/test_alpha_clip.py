"""Alpha-CLIP, loaded from its two files, against the official model under deterministic weights."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from student.teacher.alpha_clip_files import assemble, load_alpha_clip

TOLERANCE = 1e-4
State = dict[str, torch.Tensor]


@pytest.fixture
def fill(golden: Path, deterministic: SimpleNamespace) -> Callable[[str], tuple[State, State]]:
    """Fill the two towers of a model by their official keys."""

    def build(name: str) -> tuple[State, State]:
        visual, text = {}, {}
        for key, shape, _ in json.loads((golden / f"{name}.json").read_text()):
            value = torch.from_numpy(deterministic.tensor(key, tuple(shape)))
            if key == "logit_scale":
                value = torch.tensor(np.log(1 / 0.07), dtype=torch.float32)
            (visual if key.startswith("visual.") else text)[key] = value
        return visual, text

    return build


def as_open_clip(state: State) -> State:
    return {key.replace("attn.in_proj.", "attn.in_proj_"): value for key, value in state.items()}


def write(visual: State, text: State, folder: Path) -> tuple[Path, Path]:
    """Write the two files as they are published; `module.` is what parallel training may leave."""
    alpha, base = folder / "alpha.safetensors", folder / "base.safetensors"
    save_file({f"module.{key.removeprefix('visual.')}": value for key, value in visual.items()}, alpha)
    save_file(as_open_clip(text), base)
    return alpha, base


@pytest.mark.parametrize("name", ["alphaclip_b16", "alphaclip_l14_336"])
def test_features(golden: Path, deterministic: SimpleNamespace, fill: Any, name: str, tmp_path: Path) -> None:
    visual, text = fill(name)
    if name == "alphaclip_b16":
        network = load_alpha_clip(*write(visual, text, tmp_path))
    else:  # 1.7 GB need not pass the disk as well
        network = assemble(as_open_clip(visual), as_open_clip(text), "alpha", "base")
    del visual, text
    seen: dict[str, torch.Tensor] = {}
    visual = network.clip.visual
    visual.ln_pre.register_forward_hook(lambda _, __, out: seen.update(ln_pre=out))
    visual.transformer.resblocks[0].register_forward_hook(lambda _, __, out: seen.update(block0=out))
    with np.load(golden / f"{name}.npz") as oracle, torch.inference_mode():
        count, side = len(oracle["image_features"]), network.shape.side
        image = deterministic.uniform("image", (count, 3, side, side), -2, 2)
        alpha = deterministic.uniform("alpha", (count, 1, side, side), -2, 2)
        features = network(network.rgb_patches(torch.from_numpy(image)), torch.from_numpy(alpha))
        tokens = open_clip.tokenize(oracle["strings"].tolist())
        np.testing.assert_array_equal(tokens, oracle["tokens"])
        made = {
            "ln_pre_slice": seen["ln_pre"][:, :5, :8],
            "block0_slice": seen["block0"][:, :5, :8],
            "image_features": features,
            "text_features": network.embed_texts(tokens),
        }
        for key, value in made.items():
            np.testing.assert_allclose(value.numpy(), oracle[key], rtol=0, atol=TOLERANCE, err_msg=key)
