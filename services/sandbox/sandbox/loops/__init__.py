"""What runs beside the requests: looks at what is, and makes it as it should be."""
