"""Auth against a real PostgreSQL, a real Redis and the development sign-in."""
