"""Measurements. Each file states its workload, its rival and its rounds, and prints what the documents quote."""
