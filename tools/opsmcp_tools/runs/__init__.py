"""One run from its journal entry to its end: started once, followed, recovered, waited for."""
