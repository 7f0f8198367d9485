"""Plain SQL, one file a step; see `kit.migrations`."""
