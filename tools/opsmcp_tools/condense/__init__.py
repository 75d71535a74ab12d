"""A long output in few tokens. `choose` chooses the way; the other modules each know one.

Pure and linear in the text. Knows nothing of runs, tools or secrets.
"""
