"""Side-by-side timings: ours against the usual solution, on the same data, with the same threads."""
