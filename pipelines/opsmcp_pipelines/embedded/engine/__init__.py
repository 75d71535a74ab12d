"""Runs the steps of a task as subprocesses."""
