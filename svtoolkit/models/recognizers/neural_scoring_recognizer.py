"""Neural scoring: a frozen model embeds the enrolment, a trained trunk and a scorer listen to the test."""

import copy
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from svtoolkit.datasets.enrolment_targets import batch_classes, enrolment_targets, enrolment_window
from svtoolkit.errors import ConfigError
from svtoolkit.registry import MODELS

ALIGN_BATCH = 32


@MODELS.register_module()
class NeuralScoringRecognizer(BaseModel):
    """An enrolment embedding and the frames of a test, to one logit; higher = more alike.

    The enrolment model is any recogniser with a backbone. It is frozen: no gradients, always in
    evaluation mode. The test trunk begins as a copy of its backbone and is trained with the scorer.
    Scores are not symmetric in their two sides.

    Args:
        data_preprocessor: config of a ``TrialPreprocessor``; the front end of both branches.
        enroller: config of the enrolment model, without a front end of its own; its weights come from
            ``EnrolmentWeightsHook`` in training, later with the model's own checkpoints.
        scorer: config of a ``NeuralScorerHead``; its widths come from the enrolment model.
        num_enrolments: enrolments of the batch that each test is scored against in training; None for
            all of them, 1 for its own alone.
        head: None. Testing and publishing set this key where they take the classifier off.
        init_cfg: as in mmengine.

    Raises:
        ConfigError: a classifier head, widths that contradict each other, or a trunk of several maps.
    """

    def __init__(
        self,
        data_preprocessor: dict,
        enroller: dict,
        scorer: dict,
        num_enrolments: int | None = None,
        head: None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        if head is not None:
            raise ConfigError('model.head: a neural scoring model has no classifier; write scorer=dict(…).')
        super().__init__(data_preprocessor=MODELS.build(data_preprocessor), init_cfg=init_cfg)
        given = enroller.get('data_preprocessor')
        if given is not None and given != data_preprocessor:
            raise ConfigError(
                'model.enroller.data_preprocessor: both branches share the front end in '
                'model.data_preprocessor; leave it out there.'
            )
        self.enroller: Any = MODELS.build({**enroller, 'data_preprocessor': data_preprocessor, 'head': None})
        self.enroller.requires_grad_(False)
        channels = self.enroller.backbone.out_channels
        if not isinstance(channels, int):
            raise ConfigError('model.enroller.backbone: the scorer takes one map, leave out out_stages.')
        widths = dict(embed_dim=self.enroller.embed_dim, frame_channels=channels)
        for key, width in widths.items():
            if scorer.get(key, width) != width:
                raise ConfigError(
                    f'model.scorer.{key} = {scorer[key]}, but the enrolment model gives {width}; leave it out.'
                )
        self.backbone = copy.deepcopy(self.enroller.backbone).requires_grad_(True)
        self.scorer: Any = MODELS.build({**scorer, **widths})
        self.num_enrolments = num_enrolments
        self.train()

    @property
    def sample_rate(self) -> int:
        """Rate in Hz of the waveforms the model takes."""
        return self.data_preprocessor.sample_rate

    @property
    def embed_dim(self) -> int:
        """Width of an enrolment embedding."""
        return self.enroller.embed_dim

    def train(self, mode: bool = True) -> 'NeuralScoringRecognizer':
        """Change the mode of all but the enrolment model: its batch norms keep their statistics."""
        super().train(mode)
        if hasattr(self, 'enroller'):
            self.enroller.eval()
        return self

    def start_test_trunk(self) -> None:
        """Give the test trunk the weights and statistics of the enrolment model's."""
        self.backbone.load_state_dict(self.enroller.backbone.state_dict())

    @torch.no_grad()
    def align_scorer(self, waves: Tensor) -> float:
        """Let the scorer begin in the space of the enrolment model's embeddings; see ``NeuralScorerHead.align``.

        The map from the mean frame of an utterance to its embedding is fitted by least squares.

        Args:
            waves: [B, T] in ±1, of one length; more of them than a frame has channels are better.

        Returns:
            Share of the embeddings' variance that the map explains.
        """
        means, embeddings = [], []
        for part in waves.split(ALIGN_BATCH):
            features = self.data_preprocessor.features(part)
            means.append(self.enroller.backbone(features).mean(-1))
            embeddings.append(self.embed_features(features))
        given, wanted = torch.cat(means).double(), torch.cat(embeddings).double()
        mean, target = given.mean(0), wanted.mean(0)
        given, wanted = given - mean, wanted - target
        gram = given.T @ given
        gram.diagonal().add_(1e-4 * gram.diagonal().mean())  # fewer utterances than channels must do, too
        weight = torch.linalg.solve(gram, given.T @ wanted)
        bias = target - mean @ weight
        self.scorer.align(
            weight.T.float(), bias.float(), target.float(), 1 / wanted.square().mean().sqrt().item()
        )
        return 1 - ((wanted - given @ weight).square().sum() / wanted.square().sum()).item()

    def forward(self, inputs: Any, data_samples: list | None = None, mode: str = 'tensor'):
        """Embed enrolments, or compute the loss of trials or what scoring needs of utterances.

        Args:
            inputs: [B, F, N] features; in mode ``loss`` those of tests and of enrolments, a pair.
            data_samples: one ``TrialSample`` per item for ``loss``, ``SpeakerSample`` for ``predict``.
            mode: ``tensor`` -> enrolment embeddings [B, D]; ``loss`` -> dict of losses; ``predict`` -> one
                dict per item with ``utt``, ``speaker``, ``embedding`` [D], ``frames`` [T, W] (float32, on
                the CPU) and ``scorer``, the head that scores them.

        Raises:
            ConfigError: ``loss`` without pairs of features.
        """
        samples = data_samples or []
        if mode == 'loss':
            return self.trial_loss(inputs, samples)
        if mode == 'tensor':
            return self.embed_features(inputs)
        if mode == 'predict':
            embeddings, frames = (part.float().cpu() for part in self.represent(inputs))
            return [
                dict(
                    utt=sample.utt, speaker=sample.speaker, embedding=vector, frames=rows, scorer=self.scorer
                )
                for sample, vector, rows in zip(samples, embeddings, frames)
            ]
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}.")

    def trial_loss(self, inputs: Any, samples: list) -> dict[str, Tensor]:
        """Loss of all trials of a batch, test i against enrolments i, i + 1, …; see ``enrolment_window``."""
        if not isinstance(inputs, tuple):
            raise ConfigError(
                'neural scoring trains on pairs of test and enrolment: take TrialSpeakerDataset and '
                'TrialPreprocessor.'
            )
        test, enrolment = inputs
        embedding = self.embed_features(enrolment)
        window = enrolment_window(len(samples), self.num_enrolments)
        targets = enrolment_targets(window, *batch_classes(samples))
        device = embedding.device
        return self.scorer.loss(self.backbone(test), embedding[window.to(device)], targets.to(device))

    def embed_features(self, features: Tensor) -> Tensor:
        """Enrolment embeddings of features, [B, F, N] -> [B, D]; never a gradient."""
        with torch.no_grad():
            return self.enroller.embed_features(features)

    def embed(self, wave: Tensor) -> Tensor:
        """Enrolment embeddings of waveforms of one length, [B, T] in ±1 -> [B, D]."""
        return self.embed_features(self.data_preprocessor.features(wave))

    def listen(self, wave: Tensor) -> Tensor:
        """What the scorer keeps of test waveforms of one length, [B, T] in ±1 -> [B, N', W]."""
        return self.scorer.project(self.backbone(self.data_preprocessor.features(wave)))

    def represent(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides of utterances, each trunk once: [B, F, N] -> embeddings [B, D], frames [B, N', W]."""
        return self.embed_features(features), self.scorer.project(self.backbone(features))
