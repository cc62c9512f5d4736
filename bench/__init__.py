"""What we cost beside what else there is: `python -m bench [name …]`, or `make bench`."""
