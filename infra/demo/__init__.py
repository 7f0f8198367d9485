"""What a new user does in the first five minutes, told step by step and checked."""
