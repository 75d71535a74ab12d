"""What opsmcp says to models and their people, in every language side by side.

Each phrase is written once with all its languages, so that none can be missing. What authors and
programs wrote is never translated; nor are the names of fields, verdicts and tools, and the log.
"""
