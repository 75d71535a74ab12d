"""The verdict: what a run must show, known from its definition, and what its report then means."""
