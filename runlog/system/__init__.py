"""What the other packages need of the operating system. Imports nothing else of runlog but its errors."""
