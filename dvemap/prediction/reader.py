"""What `dvemap predict` looks at frames with."""

from dataclasses import dataclass
from typing import Any

from dvemap.config import EncoderConfig
from dvemap.console import Bar
from dvemap.encoder_options import encoder_words
from dvemap.encoders import encoder
from dvemap.network_options import NetworkOptions
from dvemap.prediction.closed_set import open_closed_set
from dvemap.prediction.predictor import CodeSource, Predictor, make_predictor
from sequences import Sequence


@dataclass(frozen=True)
class Reader:
    """An encoder whose codes are read, or a segmentation network.

    Attributes
    ----------
    config : EncoderConfig
    reading : dict
        Arguments of `make_predictor`.
    network : NetworkOptions or None
        Takes the encoder's place.
    """

    config: EncoderConfig
    reading: dict[str, Any]
    network: NetworkOptions | None = None

    @property
    def words(self) -> list[str]:
        """The options that choose it as an encoder, for a command to try next."""
        return encoder_words(self.config) if self.network is None else ["--encoder", self.network.network]

    def open(self, sequence: Sequence, bar: Bar, *, metric: bool = True) -> tuple[CodeSource, Predictor]:
        """Open what gives codes, and what reads them.

        Parameters
        ----------
        sequence : Sequence
            Of the frames to come; only the encoder `labels` looks at it.
        bar : Bar
            Told what is opened.
        metric : bool
            Whether the depth of frames is in metres; else it is grey, as a network may see it.

        Raises
        ------
        ValueError
            If it cannot be opened, or sees nothing.
        OSError
            If a file cannot be read.
        """
        if self.network is not None:
            posteriors, labels = open_closed_set(self.network, metric=metric)
            bar.say(posteriors.about)
            return posteriors, labels
        frames = encoder(self.config, sequence, note=bar.say)
        if frames.about:
            bar.say(frames.about)
        if frames.space is None:
            raise ValueError("--encoder none sees nothing; name a network")
        return frames, make_predictor(frames.space, **self.reading)
