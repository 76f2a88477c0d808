"""Fast ResNet34 (L), triplet loss, VoxCeleb2 dev; one GPU x 200 speakers x 2 crops of 2 s, 500 epochs. Not trained here."""
_base_ = ['./vox2_resnet34l_ap.py']
model = dict(head=dict(loss=dict(type='TripletLoss'), utts_per_speaker=2))
train_dataloader = dict(batch_size=400, dataset=dict(speakers_per_batch=200, utts_per_speaker=2))
