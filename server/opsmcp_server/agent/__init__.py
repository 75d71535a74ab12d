"""The agent: a model that looks for the cause of an incident, with a few tools, within budgets."""
