"""Files: every operation is a short-lived child process with the permissions of its user."""
