"""Plumbing that every week shares: profiles, records, figures, and the commands that run the notebooks.

Nothing that is taught lives here; a week imports this package and its own, never another week.
"""
