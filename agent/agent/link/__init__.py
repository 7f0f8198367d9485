"""The connection to the hub, from bytes to streams."""
