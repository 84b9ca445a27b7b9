"""Week 6: image classification by fine-tuning MobileNetV2, pretrained on ImageNet."""
