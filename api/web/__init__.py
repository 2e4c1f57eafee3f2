"""Pages: drawn on the server, in the reader's language."""
