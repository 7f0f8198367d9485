"""What `compose.yaml` needs besides the services: the fence, the agent's volume, the settings."""
