"""Week 8: pictures squeezed through a few numbers: faces and digits, made, changed, cleaned and found again."""
