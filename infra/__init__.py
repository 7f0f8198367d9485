"""Tools that bring up and hold up an installation; run as ``python -m infra.<tool>``."""
