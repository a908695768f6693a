"""The decoder of DPT in a student: stages normalised and fused one by one, then the head."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from student.networks.config import StudentConfig
from student.networks.dpt_decoder import DptDecoder
from student.networks.embedding_head import EmbeddingHead, bottleneck
from student.networks.mlp_decoder import SkipNorm


class DptEmbeddingDecoder(nn.Module):
    """Stands where `MlpDecoder` stands; convolutions see beyond the pixel at every stage.

    Parameters
    ----------
    config
        Of the network; `fuse_channels` are those of all fused maps.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.skip_fusions = nn.ModuleList(SkipNorm(channels) for channels in config.channels[2::-1])
        self.pyramid = DptDecoder(config.channels, config.fuse_channels, batch_norm=True, bias=False)
        self.dropout = nn.Dropout2d(config.dropout)
        self.bottleneck = bottleneck(config)
        self._task_head = EmbeddingHead(config.feature_channels, config.embedding_dim, config.upsamplings)

    def fused(self, deepest: Tensor, skips: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return what the bottleneck sees, or the head where there is none; see `MlpDecoder.fused`."""
        three, two, one = (norm(skip) for norm, skip in zip(self.skip_fusions, skips, strict=True))
        dropped: Tensor = self.dropout(functional.relu(self.pyramid((one, two, three, deepest))))
        return dropped

    @property
    def head(self) -> EmbeddingHead:
        """The head."""
        return self._task_head
