"""What the larger commands do; `api/cli.py` reads their arguments and prints their answers."""
