"""How a device is asked."""
