"""VoxCeleb2 dev as trials: tests of 201 frames, augmented with 0.6, against enrolments of 400; VoxCeleb1-O cleaned.

The pack of sounds: "svtoolkit prepare musan" and "svtoolkit prepare rirs_noises".
"""
data_root = '{{$VOXCELEB:data/voxceleb}}/'
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
room = dict(type='Reverb', pack=packs + 'rir.pack')
babble = dict(type='AddNoise', pack=packs + 'noise.pack', kinds=dict(babble=(13, 20)))
music = dict(type='AddNoise', pack=packs + 'noise.pack', kinds=dict(music=(5, 15)))
noise = dict(type='AddNoise', pack=packs + 'noise.pack', kinds=dict(noise=(0, 15)))
train_dataloader = dict(
    batch_size=256, num_workers=8, persistent_workers=True,
    dataset=dict(
        type='TrialSpeakerDataset', manifest=data_root + 'vox2_dev.tsv', min_frames=201, max_frames=201,
        enrol_frames=400, tail='drop',
        pipeline=[dict(type='RandomChoice', transforms=[None, room, babble, music, noise, [babble, music]],
                       probs=[0.4, 0.12, 0.12, 0.12, 0.12, 0.12])]))
del room, babble, music, noise
# 638,960 samples: the 40 s the original listens to
utterances = dict(type='UtteranceDataset', manifest=data_root + 'vox1.tsv', trials=data_root + 'vox1_O_cleaned.txt',
                  max_seconds=39.935)
val_dataloader = dict(batch_size=16, num_workers=4, persistent_workers=True, dataset=utterances)
val_evaluator = dict(type='NeuralTrialMetric', trials=data_root + 'vox1_O_cleaned.txt')
test_dataloader = dict(batch_size=16, num_workers=4, dataset=utterances)
test_evaluator = dict(type='NeuralTrialMetric', trials=data_root + 'vox1_O_cleaned.txt', rounds=1000)
del utterances
val_cfg = dict()
test_cfg = dict()
