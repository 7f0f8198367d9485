"""Agent sockets, and the streams to and from agents."""
