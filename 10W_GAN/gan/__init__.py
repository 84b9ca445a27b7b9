"""Week 10: GANs for faces at 128 and 256 pixels, and what helps them."""
