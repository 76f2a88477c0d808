"""Neural scoring, generation A of November 2024, clean scenario: 8 layers, no mask, one enrolment for each test.

Half of the tests are of another speaker; plain cross-entropy (times 0.5, which Adam does not see). One GPU x 256,
40 epochs, VoxCeleb2 dev. Without its list of hard speakers. Not trained here.
"""
_base_ = ['ns_clean.py']
model = dict(
    scorer=dict(num_layers=8, mask='full', type_embedding=False, enrolment_position=True,
                loss=dict(type='WeightedBCELoss', pos_weight=0.5)),
    num_enrolments=1)
train_dataloader = dict(dataset=dict(enrol_frames=201, negative_prob=0.5))
train_cfg = dict(max_epochs=40)
