"""Neural scoring, generation B: frozen ResNet34 + ASP (256-d), a copy of its trunk, and 1 isolating layer."""
model = dict(
    type='NeuralScoringRecognizer',
    data_preprocessor=dict(
        type='TrialPreprocessor', feature=dict(type='LogMel', preset='neural_scoring'), normalise='mean_std'),
    enroller=dict(
        type='EmbeddingRecognizer',
        backbone=dict(type='ResNet', depth=34, widths=(32, 64, 128, 256)),
        neck=dict(type='AttentiveStatsPooling', act='relu_bn_tanh', context=True, context_floor=1e-12,
                  variance_floor=1e-12),
        embedding=dict(embed_dim=256, pre_norm='bn')),
    scorer=dict(type='NeuralScorerHead', num_layers=1, mask='isolated', type_embedding=True),
    num_enrolments=200)
