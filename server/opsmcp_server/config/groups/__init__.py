"""Groups of settings that are modules of their own, beside the schema."""
