"""Week 1: k nearest neighbours on Covertype, and a grid search that asks for the neighbours once."""
