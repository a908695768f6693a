"""Dense prediction transformers in one form: DPT, its forms in toolboxes, Depth Anything."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.dpt_config import DptConfig
from student.networks.dpt_decoder import DptDecoder
from student.networks.dpt_head import DepthHead, SegmentationHead
from student.networks.reassemble import Reassemble
from student.networks.vit import Vit
from student.networks.vit_hybrid import VitHybrid

_SMALLEST_INVERSE = 1e-8


class Dpt(nn.Module):
    """A dense prediction transformer (Ranftl et al., 2021; Depth Anything V2: Yang et al., 2024).

    Its keys are its own; `student.checkpoints.dpt_keys` translates those of published files.

    Parameters
    ----------
    config
        Of the network.

    Attributes
    ----------
    config : DptConfig
    """

    def __init__(self, config: DptConfig) -> None:
        super().__init__()
        self.config = config
        vit = config.vit
        self.backbone: Vit = VitHybrid(vit) if vit.hybrid else Vit(vit)
        self.reassemble = nn.ModuleList(
            # The first two maps of a hybrid are maps already.
            nn.Identity()
            if vit.hybrid and stage < 2
            else Reassemble(vit.width, channels, stage, config.readout)
            for stage, channels in enumerate(config.channels)
        )
        self.decoder = DptDecoder(
            config.channels,
            config.features,
            batch_norm=config.batch_norm,
            bias=config.unit_bias,
            exact=config.exact,
        )
        self.head: DepthHead | SegmentationHead = (
            DepthHead(config.features, project=config.project, hidden=config.hidden)
            if config.classes is None
            else SegmentationHead(config.features, config.classes)
        )

    def forward(self, rgb: Tensor) -> Tensor:
        """Return depth or logits for each pixel.

        Parameters
        ----------
        rgb
            (N, 3, H, W), normalised (`student.depth_input`); H and W are multiples of the patch.

        Returns
        -------
        (N, H, W) depth: metres where `config.metric`, else relative inverse depth, larger where nearer.
        (N, classes, H, W) logits where there are classes.

        Raises
        ------
        ValueError
            The images have another shape.
        """
        size = self._check(rgb)
        features = self.features(rgb)
        if isinstance(self.head, SegmentationHead):
            logits = self.head(features)
            return functional.interpolate(logits, size, mode="bilinear", align_corners=self.config.aligned)
        doubled = (2 * features.shape[2], 2 * features.shape[3])
        depth = self.depth(self.head(features, size if self.config.exact else doubled))
        if depth.shape[2:] != size:
            depth = functional.interpolate(depth, size, mode="bilinear")
        return depth[:, 0]

    def features(self, rgb: Tensor) -> Tensor:
        """Return what the head sees, (N, F, H / 2, W / 2) where patches have 16 pixels."""
        features: Tensor = self.decoder(self.maps(rgb))
        size = (2 * features.shape[2], 2 * features.shape[3])
        return functional.interpolate(features, size, mode="bilinear", align_corners=True)

    def maps(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the four reassembled maps, (N, C, h, w) each, the finest first."""
        patch = self.config.vit.patch
        grid = (rgb.shape[2] // patch, rgb.shape[3] // patch)
        one, two, three, four = (
            reassemble(tapped, grid) if isinstance(reassemble, Reassemble) else tapped
            for reassemble, tapped in zip(self.reassemble, self.backbone(rgb), strict=True)
        )
        return one, two, three, four

    def depth(self, raw: Tensor) -> Tensor:
        """Return the depth that the output of the head, of any shape, stands for, float32."""
        config, raw = self.config, raw.float()  # half floats would step by millimetres, and divide by 0
        if config.activation == "sigmoid" and config.max_depth is not None:
            return raw.sigmoid() * config.max_depth
        depth = raw if config.activation == "none" else raw.relu()
        if config.activation == "clamp":
            depth = (depth + config.min_depth).clamp(config.min_depth, config.max_depth)
        if config.inverse is not None:
            scale, shift = config.inverse
            depth = 1 / (scale * depth + shift).clamp(min=_SMALLEST_INVERSE)
        return depth

    def _check(self, rgb: Tensor) -> tuple[int, int]:
        patch = self.config.vit.patch
        if rgb.ndim != 4 or rgb.shape[1] != 3:
            raise ValueError(f"rgb must be (N, 3, H, W), got {tuple(rgb.shape)}")
        height, width = rgb.shape[2:]
        if height % patch or width % patch or 0 in rgb.shape:
            raise ValueError(
                f"height and width must be multiples of {patch}, got {height} x {width}; resize the images"
            )
        return height, width


def empty_dpt(config: DptConfig) -> Dpt:
    """Build a network whose weights take neither memory nor time: shapes alone, on the device `meta`."""
    with torch.device("meta"):
        return Dpt(config)
