"""Processes and terminals: started once, followed by offset, remembered after their end."""
