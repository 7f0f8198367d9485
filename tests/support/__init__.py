"""What several test folders share: real servers, started once for a run."""
