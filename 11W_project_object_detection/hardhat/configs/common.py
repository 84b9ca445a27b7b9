"""What all detectors of week 11 share: pictures, augmentation, optimiser; `hardhat.detector` fills in the rest."""

side = 416
train_pipeline = [
    dict(type="LoadUpright"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PhotoMetricDistortion", brightness_delta=32, contrast_range=(0.5, 1.5), hue_delta=18),
    dict(type="Resize", scale=(side, side), keep_ratio=True),
    dict(type="Pad", size=(side, side)),
    dict(
        type="RandomAffine",
        max_rotate_degree=6.0,
        max_translate_ratio=0.1,
        max_shear_degree=2.0,
        scaling_ratio_range=(0.6, 1.5),
    ),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadUpright"),
    dict(type="Resize", scale=(side, side), keep_ratio=True),
    dict(type="Pad", size=(side, side)),
    dict(type="NoBorder"),
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "border"),
    ),
]
optim_wrapper = dict(
    type="HalfOptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=35, norm_type=2),
)
