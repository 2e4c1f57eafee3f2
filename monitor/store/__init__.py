"""Adapters of the metric store, behind one port."""
