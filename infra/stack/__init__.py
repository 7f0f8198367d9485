"""The local stack: every part of the platform on one machine, supervised."""
