"""How a message leaves the platform; not who gets it."""
