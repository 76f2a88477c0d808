"""speechocean762 (the cut of data/so762): 145 voices, 30 of them for development; crops of 2 s."""
data_root = '{{$SVTOOLKIT_DATA:data}}/so762/'
noise_root = '{{$SVTOOLKIT_DATA:data}}/noise/'
train_dataloader = dict(
    batch_size=32, num_workers=1, persistent_workers=True,
    dataset=dict(
        type='RandomSpeakerDataset', manifest=data_root + 'train.tsv', frames=200,
        exclude_speakers=data_root + 'dev_speakers.txt', tail='drop'))
val_dataloader = dict(
    batch_size=8, num_workers=1, persistent_workers=True,
    dataset=dict(type='UtteranceDataset', manifest=data_root + 'train.tsv',
                 include_speakers=data_root + 'dev_speakers.txt'))
val_evaluator = dict(type='TrialMetric', trials=data_root + 'trials_dev.txt',
                     backend=[dict(type='Centre'), dict(type='Cosine')])
test_dataloader = dict(
    batch_size=8, num_workers=1,
    dataset=dict(type='UtteranceDataset', manifest=[data_root + 'test.tsv', data_root + 'train.tsv']))
test_evaluator = dict(
    type='TrialMetric',
    trials=dict(random=data_root + 'trials_random.txt', hard=data_root + 'trials_hard.txt'),
    backend=[dict(type='Centre'), dict(type='Cosine')], fit=data_root + 'train.tsv', rounds=1000)
val_cfg = dict()
test_cfg = dict()
