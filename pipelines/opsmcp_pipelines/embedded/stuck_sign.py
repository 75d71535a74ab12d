"""What a run that does not end on the embedded engine was last seen doing. Pure."""

from opsmcp_pipelines.run import RunReport, Status

__all__ = ["sign_of"]


def sign_of(report: RunReport) -> str:
    """Only what can be true here: it waits for its turn, or a step does not return."""
    if report.status is Status.PENDING:
        return "it never had its turn, because the runs before it had not ended"
    for task in report.tasks:
        for node in task.nodes:
            step = next((step.name for step in node.steps if not step.status.ended), "")
            if step:
                return f"step {step!r} of its task {task.name!r} was at work and did not return"
    return "it was between two steps when it was last seen"
