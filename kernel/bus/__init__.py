"""Small news between processes: ids and states, never payloads that must not be lost."""
