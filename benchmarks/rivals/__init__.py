"""The usual solutions that ours are timed against, each in a file of its own."""
