"""Data sets: what they hold, and the tracks, features and coefficients made from them once and kept."""
