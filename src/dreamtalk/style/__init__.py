"""Manners of speaking."""
