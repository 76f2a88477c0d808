"""Fast ResNet34 (L), generalised end-to-end loss, VoxCeleb2 dev; one GPU x 133 speakers x 3 crops of 2 s, 500 epochs. Not trained here."""
_base_ = ['./vox2_resnet34l_ap.py']
model = dict(head=dict(loss=dict(type='GE2ELoss'), utts_per_speaker=3))
train_dataloader = dict(batch_size=399, dataset=dict(speakers_per_batch=133, utts_per_speaker=3))
