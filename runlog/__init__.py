"""The run log of background tasks: for every run, exactly what happened."""

__version__ = "0.1.0"
