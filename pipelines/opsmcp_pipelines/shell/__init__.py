"""What a script does with a value: where references stand, and how they are quoted.

Used for the embedded engine and for Ops; knows no source.
"""
