"""The neural scorer: an enrolment embedding against all frames of a test utterance, to one logit.

Neural Scoring, arXiv:2410.16428. A transformer encoder over the sequence [N enrolments; T frames], read at
the enrolments. Its two generations differ in what may attend to what, and in what marks the two kinds:

==========  ======  ========  ==============  ====================
generation  layers  mask      type_embedding  enrolment_position
==========  ======  ========  ==============  ====================
A (2024)    8       full      no              yes
B (2025)    1       isolated  yes             no
==========  ======  ========  ==============  ====================

With the isolated mask the frames never see an enrolment, so their keys and values are computed once for each
test utterance (or, where few enrolments follow, not at all), and an enrolment's score does not depend on the
others. The logit is the score; after training
with few targets among many it is a log-likelihood ratio up to a constant (see ``WeightedBCELoss``).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.scoring_layer import ScoringLayer
from svtoolkit.registry import HEADS, LOSSES

MASKS = ('isolated', 'full')
TestCache = tuple[tuple[Tensor, ...], ...]  # what each layer needs; first axis: test utterances


@HEADS.register_module()
class NeuralScorerHead(nn.Module):
    """Scores enrolment embeddings [B, N, D] against frames [B, C, T], to logits [B, N].

    Args:
        embed_dim: D, of the enrolment embedding, which comes in as it is (not length-normalised).
        frame_channels: C, of the test trunk.
        num_layers: layers of the encoder.
        mask: ``isolated``: enrolments see themselves and the frames, frames see frames. ``full``: all see
            all, each enrolment in a sequence of its own; nothing but the projected frames can be cached.
        type_embedding: add one learned vector to the enrolments and one to the frames.
        enrolment_position: count the enrolment as position 0 and the frames from 1 on; otherwise
            enrolments have no position code and frames count from 0.
        width: of the encoder.
        num_heads: of the attention.
        hidden: width of the encoder's feed-forward part.
        dropout: behind the input and both parts of each layer.
        loss: config of a loss of logits and labels, [B, N] each.

    Raises:
        UnknownNameError: another mask.
        ValueError: no layer, or a width that the heads do not divide.
    """

    def __init__(
        self,
        embed_dim: int,
        frame_channels: int,
        num_layers: int = 1,
        mask: str = 'isolated',
        type_embedding: bool = True,
        enrolment_position: bool = False,
        width: int = 256,
        num_heads: int = 4,
        hidden: int = 512,
        dropout: float = 0.1,
        loss: dict | None = None,
    ) -> None:
        super().__init__()
        if mask not in MASKS:
            raise unknown_name('mask of NeuralScorerHead', mask, MASKS)
        if num_layers < 1 or width % 2:
            raise ValueError(
                f'NeuralScorerHead: num_layers={num_layers}, width={width}: 1 or more, and even.'
            )
        self.embed_dim = embed_dim
        self.frame_channels = frame_channels
        self.mask = mask
        self.enrolment_position = enrolment_position
        self.width = width
        self.frame_projection = nn.Linear(frame_channels, width)
        self.enrolment_projection = nn.Linear(embed_dim, width)
        self.types = nn.Parameter(torch.randn(2, width)) if type_embedding else None  # enrolment, frame
        self.layers: Any = nn.ModuleList(
            ScoringLayer(width, num_heads, hidden, dropout) for _ in range(num_layers)
        )
        self.score_mlp = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )
        self.dropout = nn.Dropout(dropout)
        self.criterion = LOSSES.build(loss or dict(type='WeightedBCELoss', pos_weight=0.95))

    def forward(self, frames: Tensor, enrolments: Tensor) -> Tensor:
        """Logits, [B, C, T] and [B, N, D] -> [B, N]."""
        return self.score(self.encode_test(self.project(frames)), enrolments)

    def loss(self, frames: Tensor, enrolments: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Mean loss over all B N trials, and the share of them on the right side of probability one half.

        Args:
            frames: [B, C, T].
            enrolments: [B, N, D].
            targets: [B, N] bool, True where the enrolled speaker is heard in the test utterance.
        """
        logits = self(frames, enrolments)
        right = (logits.detach() >= 0) == targets
        return dict(loss=self.criterion(logits, targets), accuracy=right.float().mean())

    @torch.no_grad()
    def align(self, weight: Tensor, bias: Tensor, centre: Tensor, gain: float) -> None:
        """Begin where a test and an enrolment can be compared, instead of at random.

        An enrolment e becomes the token ``gain (e - centre)``, a frame f ``gain (weight f + bias - centre)``; the first
        layer looks at all frames alike and takes them from the enrolment, so that behind its attention stands the
        difference of the two.

        Args:
            weight: [D, C], with ``bias`` the linear map from the mean frame of an utterance to its embedding.
            bias: [D].
            centre: [D], the mean embedding.
            gain: brings embeddings to the size of the position codes, about one.

        Raises:
            ValueError: the encoder is narrower than the embedding.
        """
        size = self.embed_dim
        if self.width < size:
            raise ValueError(
                f'NeuralScorerHead: width={self.width} does not hold embeddings of {size}; raise width to align.'
            )
        same = torch.eye(size).to(weight)
        for projection, matrix, offset in (
            (self.frame_projection, weight, bias - centre),
            (self.enrolment_projection, same, -centre),
        ):
            nn.init.zeros_(projection.weight)
            nn.init.zeros_(projection.bias)
            projection.weight[:size] = gain * matrix
            projection.bias[:size] = gain * offset
        first = self.layers[0]
        nn.init.eye_(first.value.weight)
        first.out.weight.copy_(-torch.eye(self.width))
        for linear in (first.value, first.out):
            nn.init.zeros_(linear.bias)
        for small in (first.query.weight, first.key.weight, *([] if self.types is None else [self.types])):
            small.mul_(0.1)

    def project(self, frames: Tensor) -> Tensor:
        """Frames at the width of the encoder, all that need be kept of a test, [B, C, T] -> [B, T, W]."""
        weight = self.frame_projection.weight.unsqueeze(-1)
        # As a convolution: the map of a trunk is the widest of all, and need not be turned round for this.
        return F.conv1d(frames, weight, self.frame_projection.bias).transpose(1, 2)

    def encode_test(self, projected: Tensor, num_enrolments: int | None = None) -> TestCache:
        """What enrolments need of a test utterance, computed once for all of them.

        Args:
            projected: [B, T, W] of :meth:`project`.
            num_enrolments: how many each test will meet; None for many.

        Returns:
            For each layer its keys and values of the frames, [B, heads, T, W / heads]; for few enrolments
            its frames, [B, T, W]. With the full mask the input of the encoder alone.
        """
        frames = self._mark_frames(projected)
        if self.mask == 'full':
            return ((frames,),)
        many = num_enrolments is None or num_enrolments >= self.layers[0].few(frames.shape[1])
        cache: list[tuple[Tensor, ...]] = []
        for number, layer in enumerate(self.layers, start=1):
            cache.append(layer.keys_values(frames) if many else (frames,))
            if number < len(self.layers):  # nobody looks at the frames behind the last layer
                frames = layer(frames)
        return tuple(cache)

    def score(self, cache: TestCache, enrolments: Tensor) -> Tensor:
        """Logits of enrolments against test utterances, [B, N].

        Args:
            cache: of :meth:`encode_test`, B test utterances.
            enrolments: [B, N, D] embeddings.
        """
        x = self._tokens(enrolments)
        if self.mask == 'full':
            ((frames,),) = cache
            x = torch.cat([x.flatten(0, 1).unsqueeze(1), frames.repeat_interleave(x.shape[1], 0)], dim=1)
            for layer in self.layers:  # [B N, 1 + T, W]
                x = layer(x)
            return self._logits(x[:, 0]).unflatten(0, enrolments.shape[:2])
        for layer, held in zip(self.layers, cache):
            x = layer.attend(x, *held) if len(held) == 2 else layer.attend_few(x, *held)
        return self._logits(x)

    def score_masked(self, frames: Tensor, enrolments: Tensor) -> Tensor:
        """The same logits by the encoder over the whole masked sequence, as the paper states it.

        Costs (N + T)^2 attention weights and every layer over every frame; kept as the reference that
        :meth:`score` must equal.

        Args:
            frames: [B, C, T].
            enrolments: [B, N, D].

        Returns:
            [B, N].
        """
        num = enrolments.shape[1]
        x = torch.cat([self._tokens(enrolments), self._mark_frames(self.project(frames))], dim=1)
        mask = isolating_mask(num, x.shape[1] - num, x.device) if self.mask == 'isolated' else None
        for layer in self.layers:
            x = layer(x, mask)
        return self._logits(x[:, :num])

    def _tokens(self, enrolments: Tensor) -> Tensor:
        """Embeddings as the encoder takes them, [B, N, D] -> [B, N, W]."""
        x = self.enrolment_projection(enrolments)
        if self.types is not None:
            x = x + self.types[0]
        if self.enrolment_position:
            x = x + sinusoids(torch.zeros(1, device=x.device), self.width)
        return self.dropout(x)

    def _mark_frames(self, projected: Tensor) -> Tensor:
        """Projected frames with type and position, [B, T, W] -> [B, T, W]."""
        first = int(self.enrolment_position)
        places = torch.arange(first, first + projected.shape[1], device=projected.device)
        code = sinusoids(places, self.width)
        return self.dropout(projected + (code if self.types is None else code + self.types[1]))

    def _logits(self, x: Tensor) -> Tensor:
        return self.score_mlp(x).squeeze(-1)


def isolating_mask(num_enrolments: int, num_frames: int, device: torch.device | str = 'cpu') -> Tensor:
    """Who may attend to whom, [N + T, N + T] bool: enrolments to themselves and frames, frames to frames."""
    total = num_enrolments + num_frames
    mask = torch.zeros(total, total, dtype=torch.bool, device=device)
    mask[:, num_enrolments:] = True
    return mask.logical_or_(torch.eye(total, dtype=torch.bool, device=device))


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Position codes, [T] -> [T, width] float32: sine and cosine in turn, frequencies 1 to 1e-4.

    Vaswani et al. 2017, section 3.5. Computed where they are needed, so that no utterance is too long.
    """
    pairs = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float().unsqueeze(1) * 10000 ** (-pairs / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
