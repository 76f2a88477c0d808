"""VoxCeleb2 dev, crops of 32,240 samples, one of six ways each: as it is, room, babble, music, noise, babble with music."""
data_root = '{{$VOXCELEB:data/voxceleb}}/'
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
room = dict(type='Reverb', pack=packs + 'rir.pack')
babble = dict(type='AddNoise', pack=packs + 'musan.pack', kinds=dict(babble=(13, 20)), talkers=(3, 8))
music = dict(type='AddNoise', pack=packs + 'musan.pack', kinds=dict(music=(5, 15)))
noise = dict(type='AddNoise', pack=packs + 'musan.pack', kinds=dict(noise=(0, 15)))
train_dataloader = dict(
    batch_size=128, num_workers=8, persistent_workers=True,
    dataset=dict(
        type='RandomSpeakerDataset', manifest=data_root + 'vox2_dev.tsv', num_samples=32240, tail='drop',
        pipeline=[dict(type='RandomChoice', transforms=[None, room, babble, music, noise, [babble, music]])]))
del room, babble, music, noise
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
