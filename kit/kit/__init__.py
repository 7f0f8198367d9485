"""What every service shares and no business noun is in."""
