"""The sandbox service: containers, the table of sandboxes, and what makes the two agree."""
