"""Positions, regions and pixels of the sky."""
