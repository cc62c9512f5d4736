"""The image's entry point."""
