"""The audit trail: who did what, by which rule, and how it ended, in a signed chain of lines."""
