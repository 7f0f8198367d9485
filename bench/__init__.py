"""Speeds as ratios: what the system does against a bare part that does the same, in one run."""
