"""Metrics of videos, one file each: what it is, how it misleads, and the function that computes it for one clip."""
