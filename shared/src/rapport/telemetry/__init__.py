"""What a process tells about itself: log lines, metrics and the identity of the request at hand."""
