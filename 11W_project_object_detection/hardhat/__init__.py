"""Week 11: who wears a hard hat? Detection with MMDetection's CenterNet, on building sites photographed and drawn."""
