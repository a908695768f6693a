"""Where the tokens of a map go in the windows of an attention, and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Windows(nn.Module):
    """Padding, cyclic shift, partition into windows and split into heads, as one look-up of rows each way.

    A row is what one head sees of one token. Queries, keys and values of all tokens are the rows of a
    (tokens, 3, heads) array; the token after the last stands for padding.

    Parameters
    ----------
    height, width
        Of the map, in tokens.
    window
        Tokens along the side of a window.
    shifts
        The cyclic shift along y and x, of the padded map.
    heads
        Attention heads.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    back: Tensor

    def __init__(self, height: int, width: int, window: int, shifts: tuple[int, int], heads: int) -> None:
        super().__init__()
        self.tokens = height * width
        self.area = window**2
        rows, columns = -(-height // window), -(-width // window)
        self.count = rows * columns
        self.padded = self.count * self.area > self.tokens
        number = torch.full((rows * window, columns * window), self.tokens)
        number[:height, :width] = torch.arange(self.tokens).view(height, width)
        number = number.roll((-shifts[0], -shifts[1]), dims=(0, 1))
        number = number.view(rows, window, columns, window).permute(0, 2, 1, 3).reshape(self.count, self.area)
        head = torch.arange(heads)
        for part, name in enumerate(("queries", "keys", "values")):
            index = (number[:, None, :] * 3 + part) * heads + head[:, None]
            self.register_buffer(name, index.flatten().int())
        place = (
            torch.arange(self.count * heads * self.area).view(self.count, heads, self.area).permute(0, 2, 1)
        )
        back = torch.empty(self.tokens + 1, heads, dtype=torch.long)
        back[number] = place
        self.register_buffer("back", back[: self.tokens].flatten().int())


def merging_index(height: int, width: int) -> Tensor:
    """Return the four tokens, in order, that each token of a map of half the size is merged from.

    Parameters
    ----------
    height, width
        Of the map, in tokens; even.

    Returns
    -------
    (height * width,) int32.
    """
    number = torch.arange(height * width).view(height // 2, 2, width // 2, 2)
    return number.permute(0, 2, 3, 1).flatten().int()
