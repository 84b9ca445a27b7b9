"""Week 7: which pixels are lesion? Three networks, five losses, on PH2 or on drawn dermoscopy."""
