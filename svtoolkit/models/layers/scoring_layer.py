"""One layer of the neural scorer's transformer: enrolments that listen to the frames of a test utterance.

Neural Scoring (arXiv:2410.16428). Sequences are [B, L, W], W the width; post-norm, as in the paper.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScoringLayer(nn.Module):
    """``h = LN(x + drop(attention(x)))``, ``LN(h + drop(FFN(h)))``; no dropout on the attention weights.

    Args:
        width: W.
        num_heads: heads of the attention, a divisor of ``width``.
        hidden: width of the feed-forward part.
        dropout: share of numbers set to zero behind both parts.

    Raises:
        ValueError: ``num_heads`` does not divide ``width``.
    """

    def __init__(self, width: int = 256, num_heads: int = 4, hidden: int = 512, dropout: float = 0.1) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f'ScoringLayer: width={width} cannot be cut into {num_heads} heads.')
        self.width = width
        self.num_heads = num_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)
        self.output_norm = nn.LayerNorm(width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The layer over a whole sequence, [B, L, W] -> [B, L, W].

        Args:
            x: the sequence.
            mask: [L, L] bool, True where row may attend to column; None lets all attend to all.
        """
        query, (key, value) = self._heads(self.query(x)), self.keys_values(x)
        return self._finish(x, F.scaled_dot_product_attention(query, key, value, mask))

    def keys_values(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What others need of the frames, [B, T, W] -> two of [B, heads, T, W / heads]."""
        return self._heads(self.key(frames)), self._heads(self.value(frames))

    def attend(self, enrolments: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The layer over enrolments that see themselves and the frames, but no other enrolment.

        Equal to :meth:`forward` with the isolating mask, in N (1 + T) instead of (N + T)^2 weights.

        Args:
            enrolments: [B, N, W].
            keys: of the frames, [B, heads, T, W / heads].
            values: likewise.

        Returns:
            [B, N, W].
        """
        query, own, value = self._own(enrolments)
        weights = torch.cat([own, query @ keys.transpose(-1, -2)], dim=-1).softmax(-1)
        return self._finish(enrolments, weights[..., :1] * value + weights[..., 1:] @ values)

    def attend_few(self, enrolments: Tensor, frames: Tensor) -> Tensor:
        """:meth:`attend` without keys and values of the frames, for fewer than :meth:`few` enrolments.

        query (K f + k) = (query K) f + query k, and the weighted mean of V f + v is V of the mean of f, + v:
        the projections move from the frames to the enrolments.

        Args:
            enrolments: [B, N, W].
            frames: [B, T, W].

        Returns:
            [B, N, W].
        """
        query, own, value = self._own(enrolments)
        rows = query.transpose(1, 2).flatten(0, 1).transpose(0, 1)  # [heads, B N, W / heads]
        seen = (rows @ self._by_head(self.key.weight)).transpose(0, 1).reshape(len(frames), -1, self.width)
        seen = seen @ frames.transpose(1, 2)  # [B, N heads, T]
        seen = seen.unflatten(1, (-1, self.num_heads)).transpose(1, 2)
        seen = seen + query @ self._by_head(self.key.bias).unsqueeze(-1)
        weights = torch.cat([own, seen], dim=-1).softmax(-1)
        mean = weights[..., 1:].transpose(1, 2).flatten(1, 2) @ frames  # [B, N heads, W]
        rows = mean.view(-1, self.num_heads, self.width).transpose(0, 1)  # [heads, B N, W]
        heard = (rows @ self._by_head(self.value.weight).transpose(1, 2)).unflatten(1, (len(frames), -1))
        heard = heard.transpose(0, 1) + (1 - weights[..., :1]) * self._by_head(self.value.bias).unsqueeze(1)
        return self._finish(enrolments, weights[..., :1] * value + heard)

    def few(self, num_frames: int) -> float:
        """Enrolments of one test below which :meth:`attend_few` multiplies less than keys and values cost."""
        return num_frames * self.width / (self.width + (self.num_heads - 1) * num_frames)

    def _own(self, enrolments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled queries, their products with their own keys, and values; [B, heads, N, …]."""
        query, (key, value) = self._heads(self.query(enrolments)), self.keys_values(enrolments)
        query = query * query.shape[-1] ** -0.5
        return query, (query * key).sum(-1, keepdim=True), value

    def _by_head(self, weight: Tensor) -> Tensor:
        """Weight or bias of a projection by the heads it gives, [W, …] -> [heads, W / heads, …]."""
        return weight.unflatten(0, (self.num_heads, -1))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # [B, heads, L, W / heads]

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        joined = attended.transpose(1, 2).flatten(2)
        x = self.attention_norm(x + self.dropout(self.out(joined)))
        return self.output_norm(x + self.dropout(self.outer(self.inner(x).relu())))
