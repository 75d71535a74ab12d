"""Which operations somebody means by some words. `index` ranks; the other modules know words.

Pure, lexical, without a network. Knows nothing of policy: whoever asks decides what may be shown.
"""
