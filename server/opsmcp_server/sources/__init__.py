"""How settings become a source: a registry, and one module for each source that there is."""
