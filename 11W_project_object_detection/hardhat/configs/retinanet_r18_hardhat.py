"""RetinaNet with ResNet-18: nine boxes at every place of five maps, each to be corrected and classified."""

_base_ = ["mmdet::retinanet/retinanet_r18_fpn_1x_coco.py"]
model = dict(
    backbone=dict(init_cfg=None, frozen_stages=-1, norm_eval=False),
    neck=dict(out_channels=128),
    bbox_head=dict(num_classes=2, in_channels=128, feat_channels=128, stacked_convs=2,
                   anchor_generator=dict(octave_base_scale=2)),
)  # fmt: skip
