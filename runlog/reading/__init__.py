"""What a person is told about runs, made of the run log and the queue; it knows no terminal and no page."""
