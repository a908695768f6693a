"""The text encoder of an embedding space, and how it is asked for a class name."""

from functools import cache

from student import EmbeddingSpace, TextEncoder, load_text_encoder
from student.decoding import PROMPT

_encoder_of = cache(load_text_encoder)


def words_of(space: EmbeddingSpace) -> TextEncoder:
    """Return the text encoder whose words a space understands.

    Raises
    ------
    ValueError
        If it has none.
    """
    if space.text_encoder is None:
        raise ValueError(
            f"the embedding space {space.name!r} has no text encoder; use a linear probe with --probe"
        )
    return _encoder_of(space.text_encoder)


def prompt_for(space: EmbeddingSpace, wanted: str | None = None) -> str:
    """Return what is asked for a class name: "a detailed photo of a {}"; of a sentence encoder, the name.

    Parameters
    ----------
    space : EmbeddingSpace
    wanted : str, optional
        What the user wants instead, with {} where the name goes.
    """
    if wanted is not None:
        return wanted
    return "{}" if (space.text_encoder or "").startswith("minilm") else PROMPT
