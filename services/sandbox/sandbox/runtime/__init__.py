"""What starts, stops and lists containers: Docker, or the same in memory."""
