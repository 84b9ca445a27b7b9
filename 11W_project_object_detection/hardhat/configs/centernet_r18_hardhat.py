"""CenterNet with ResNet-18, as mmdet ships it, for two classes; the middle of every head is a peak on a map."""

_base_ = ["mmdet::centernet/centernet_r18_8xb16-crop512-140e_coco.py"]
model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(init_cfg=None),  # nothing is downloaded
    bbox_head=dict(num_classes=2),
)
