"""What can be done with a sandbox, one verb a module."""
