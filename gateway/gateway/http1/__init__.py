"""A small HTTP/1.1 client: pooled connections, streams both ways, header bytes as they came."""
