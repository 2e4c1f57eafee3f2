"""PostgreSQL: the private cluster or a server, and one transaction a use case."""
