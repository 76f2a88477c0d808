"""Last frame pooling picks the frame at the end of each utterance."""

import torch

from svtoolkit.models.necks.last_frame_pooling import LastFramePooling


def test_picks_the_last_frame_of_each_length():
    frames = torch.arange(24.0).view(2, 3, 4)
    neck = LastFramePooling(3)
    assert neck(frames).tolist() == [[3, 7, 11], [15, 19, 23]]
    assert neck(frames, torch.tensor([1, 3])).tolist() == [[0, 4, 8], [14, 18, 22]]
