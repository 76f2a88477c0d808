"""speechocean762 as trials: 115 voices, tests of 2 s against enrolments of 4 s; 30 voices for development."""
data_root = '{{$SVTOOLKIT_DATA:data}}/so762/'
train_dataloader = dict(
    batch_size=32, num_workers=1, persistent_workers=True,
    dataset=dict(
        type='TrialSpeakerDataset', manifest=data_root + 'train.tsv', min_frames=200, max_frames=200,
        enrol_frames=400, exclude_speakers=data_root + 'dev_speakers.txt', tail='drop'))
val_dataloader = dict(
    batch_size=8, num_workers=1, persistent_workers=True,
    dataset=dict(type='UtteranceDataset', manifest=data_root + 'train.tsv',
                 include_speakers=data_root + 'dev_speakers.txt'))
val_evaluator = dict(type='NeuralTrialMetric', trials=data_root + 'trials_dev.txt')
test_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(type='UtteranceDataset', manifest=data_root + 'test.tsv'))
test_evaluator = dict(
    type='NeuralTrialMetric', rounds=1000,
    trials=dict(random=data_root + 'trials_random.txt', hard=data_root + 'trials_hard.txt'))
val_cfg = dict()
test_cfg = dict()
