"""The decoder of DPT: four maps in, features at the stride of the finest out."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from student.networks.dpt_config import Four
from student.networks.dpt_fusion import FusionBlock


class DptDecoder(nn.Module):
    """Embed four maps and fuse them, the deepest first (Ranftl et al., 2021).

    The maps may be those of any encoder with a pyramid of four stages.

    Parameters
    ----------
    channels
        Of the maps at strides 4, 8, 16 and 32.
    features
        Channels of what is fused, F.
    batch_norm, bias
        Of the residual units.
    exact
        Whether maps grow to exactly the size of the next; else they double, and a map of another size is
        resized.
    """

    def __init__(
        self,
        channels: Four,
        features: int,
        *,
        batch_norm: bool = False,
        bias: bool = True,
        exact: bool = True,
    ) -> None:
        super().__init__()
        self.exact = exact
        self.embed = nn.ModuleList(
            nn.Conv2d(inputs, features, kernel_size=3, padding=1, bias=False) for inputs in channels
        )
        self.fuse = nn.ModuleList(
            FusionBlock(features, skip=stage < 3, batch_norm=batch_norm, bias=bias) for stage in range(4)
        )

    def forward(self, maps: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """Fuse maps.

        Parameters
        ----------
        maps
            (N, C, h, w) each, at strides 4, 8, 16 and 32 of an image (N, 3, H, W).

        Returns
        -------
        (N, F, H / 4, W / 4): officially, they are doubled once more.
        """
        one, two, three, four = (embed(stage) for embed, stage in zip(self.embed, maps, strict=True))
        x = self.fuse[3](four)
        for stage, skip in ((2, three), (1, two), (0, one)):
            size = skip.shape[2:] if self.exact else (2 * x.shape[2], 2 * x.shape[3])
            x = functional.interpolate(x, size, mode="bilinear", align_corners=True)
            x = self.fuse[stage](x, skip)
        fused: Tensor = x
        return fused
