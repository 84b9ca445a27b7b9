"""CenterNet's head on EfficientNet-Lite0, which comes with ImageNet's weights inside a package."""

_base_ = ["mmdet::centernet/centernet_r18_8xb16-crop512-140e_coco.py"]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3, pad_size_divisor=32),
    backbone=dict(_delete_=True, type="Lite0"),
    neck=dict(_delete_=True, type="TopDown", in_channels=[24, 40, 112, 320], out_channels=64),
    bbox_head=dict(num_classes=2),
)
backbone_rate = 0.3  # of the rate: what has seen a million photographs need not change much
