"""[SEG]: which state is read, and how it becomes a prompt of the mask decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def seg_positions(input_ids: Tensor, seg_token_id: int, reads: str = "before") -> Tensor:
    """Where a state is read: `[B, T]` bool, True at position p when token p + 1 is [SEG].

    That is the state from which [SEG] was predicted, not [SEG]'s own (the paper's text leaves this open; published
    weights were trained so). [SEG] as the very first token has no such state. With `reads` "own": at [SEG] itself.
    """
    if reads == "own":
        return input_ids == seg_token_id
    following = torch.zeros_like(input_ids, dtype=torch.bool)
    following[:, :-1] = input_ids[:, 1:] == seg_token_id
    return following


def generated_states(ids: Tensor, states: Tensor, seg_token_id: int, reads: str = "before") -> Tensor:
    """`[S, D]`, the states of the [SEG] in an answer: ids `[T]`, and the states `[T, D]` that they came from.

    [SEG]'s own state is the one the next token came from; an answer that was cut off at [SEG] has none, and the one
    before stands in for it.
    """
    if reads == "own":
        states = torch.cat([states[1:], states[-1:]])
    return states[ids == seg_token_id]


class SegProjector(nn.Module):
    """State `[S, D]` → prompt `[S, P]`: two linear layers with a ReLU between (LISA, arXiv 2308.00692, section 3.1)."""

    def __init__(self, width: int, prompt_width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, prompt_width)

    def forward(self, states: Tensor) -> Tensor:
        """`[..., D]` → `[..., P]`."""
        return self.out(torch.relu(self.hidden(states)))
