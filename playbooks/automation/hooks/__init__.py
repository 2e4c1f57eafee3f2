"""Programs of others: they launch playbooks by signed calls, and are told what became of runs."""
