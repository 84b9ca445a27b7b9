"""FCOS with ResNet-18: every place of five maps says how far the four edges of its object are."""

_base_ = ["mmdet::fcos/fcos_r50-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py"]
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(depth=18, style="pytorch", init_cfg=None, frozen_stages=-1,
                  norm_cfg=dict(type="BN", requires_grad=True), norm_eval=False),
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=128),
    bbox_head=dict(num_classes=2, in_channels=128, feat_channels=128, stacked_convs=2),
)  # fmt: skip
