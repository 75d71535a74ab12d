"""The parts of which calls that wait for somebody else's approval are made."""
