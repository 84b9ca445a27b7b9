"""Week 6: who of 42 characters is in the picture? Fine-tuning a network that has seen a million photographs."""
