"""Measurements against peers: `make bench`. Each case runs in a process of its own; ratios are of one run."""
