"""VoxCeleb2 dev for training, VoxCeleb1-O cleaned for validation and test; 81 features, crops of 200 frames."""
data_root = '{{$VOXCELEB:data/voxceleb}}/'
train_dataloader = dict(
    batch_size=128, num_workers=8, persistent_workers=True,
    dataset=dict(type='RandomSpeakerDataset', manifest=data_root + 'vox2_dev.tsv', frames=200, tail='drop'))
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
