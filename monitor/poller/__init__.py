"""Who is polled, when, and with how much at once."""
