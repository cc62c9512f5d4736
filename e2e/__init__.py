"""The real command line and daemon against the demo hub."""
