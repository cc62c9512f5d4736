"""What `make lab` shows, and the fake hosts that every test of downloads uses."""
