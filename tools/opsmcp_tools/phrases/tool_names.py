"""The names of opsmcp's own tools, for their definitions and for every text that points to one.

They have underscores, which names in Ops cannot have, so they never collide with an operation.
"""

__all__ = [
    "CANCEL_RUN",
    "GET_INCIDENT",
    "GET_RUN",
    "GET_RUN_OUTPUT",
    "LIST_INCIDENTS",
    "LIST_INVENTORY",
    "LIST_RUNS",
    "PLAN_OPERATION",
    "RUN_OPERATION",
    "SEARCH_OPERATIONS",
]

GET_RUN = "get_run"
GET_RUN_OUTPUT = "get_run_output"
LIST_RUNS = "list_runs"
CANCEL_RUN = "cancel_run"
LIST_INVENTORY = "list_inventory"
PLAN_OPERATION = "plan_operation"
RUN_OPERATION = "run_operation"
SEARCH_OPERATIONS = "search_operations"
LIST_INCIDENTS = "list_incidents"
GET_INCIDENT = "get_incident"
