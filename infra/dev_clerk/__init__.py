"""The development sign-in: stands in for Clerk on a developer's machine, never in production.

It speaks the part of Clerk's Backend API that auth uses, and `/dev/*` for people and tests.
"""
