"""VoxCeleb2 dev as WeSpeaker takes it: 200 frames, three speeds as speakers of their own, noise or a room on 60 %."""
data_root = '{{$VOXCELEB:data/voxceleb}}/'
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
room = dict(type='Reverb', pack=packs + 'rir.pack')
noise = dict(type='AddNoise', pack=packs + 'musan.pack')
train_dataloader = dict(
    batch_size=128, num_workers=8, persistent_workers=True,
    dataset=dict(
        type='RandomSpeakerDataset', manifest=data_root + 'vox2_dev.tsv', frames=200, tail='drop',
        speeds=(1.0, 0.9, 1.1),
        pipeline=[dict(type='RandomChoice', transforms=[None, room, noise], probs=[0.4, 0.3, 0.3])]))
del room, noise
val_dataloader = dict(
    batch_size=16, num_workers=4, persistent_workers=True,
    dataset=dict(type='UtteranceDataset', manifest=data_root + 'vox1.tsv', trials=data_root + 'vox1_O_cleaned.txt'))
val_evaluator = dict(type='TrialMetric', trials=data_root + 'vox1_O_cleaned.txt')
test_dataloader = dict(
    batch_size=16, num_workers=4,
    dataset=dict(type='UtteranceDataset', manifest=data_root + 'vox1.tsv', trials=data_root + 'vox1_O_cleaned.txt'))
test_evaluator = dict(type='TrialMetric', trials=data_root + 'vox1_O_cleaned.txt', rounds=1000)
val_cfg = dict()
test_cfg = dict()
