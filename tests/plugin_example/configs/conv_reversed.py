"""The plug-in's backbone and dataset on the lists of $EXAMPLE_DATA, batches of 4 crops of 0.5 s; scored by its backend."""
data = '{{$EXAMPLE_DATA:data/so762}}/'
default_scope = 'svtoolkit'
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=24)),
    backbone=dict(type='ExampleConvStack', channels=16),
    neck=dict(type='StatsPooling'), embedding=dict(embed_dim=8),
    head=dict(type='AMSoftmaxHead', num_speakers=None))
train_dataloader = dict(
    batch_size=4, num_workers=2,
    dataset=dict(type='ExampleReversedDataset', manifest=data + 'train.tsv', frames=50, epoch_size=24))
test_dataloader = dict(
    batch_size=4, num_workers=2, dataset=dict(type='UtteranceDataset', manifest=data + 'test.tsv'))
test_evaluator = dict(type='TrialMetric', trials=data + 'trials_random.txt', rounds=20,
                      backend=dict(type='ExampleDotProduct', scale=0.5))
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3))
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=1)
default_hooks = dict(checkpoint=dict(type='SafeCheckpointHook'), sampler_seed=None)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
