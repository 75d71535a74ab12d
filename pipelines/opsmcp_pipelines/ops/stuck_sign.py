"""What a run that does not end on Ops was last seen doing, and what that is a sign of. Pure.

The states that never end, as Ops has them: no deadline exists there, and what is too large for etcd
is never stored (controllers/pipelinerun_controller.go, taskrun_controller.go).
"""

from opsmcp_pipelines.run import RunReport, Status

__all__ = ["sign_of"]


def sign_of(report: RunReport) -> str:
    """What a run that does not end was last seen doing, and what that is a sign of."""
    if report.status is Status.PENDING:
        return (
            "it never began: nothing runs operations in its namespace, its cluster cannot be "
            "reached, or more runs than Ops takes at a time were before it"
        )
    if report.status is Status.DISPATCHED:
        return (
            "it was handed to another cluster, which has not reported its end; look for the run "
            "of the same name there"
        )
    task = next((task for task in report.tasks if not task.status.ended), None)
    if task is None:
        return "no task was going on when it was last seen; its controller may be away"
    if task.status is Status.DISPATCHED:
        return f"its task {task.name!r} was handed to another cluster, which has not reported"
    if not task.nodes:
        return (
            f"its task {task.name!r} shows no host: a pod that does not start, a step that does "
            "not return, or an output over 1.5 MiB, which Ops cannot store though the work is done"
        )
    return (
        f"its task {task.name!r} was going on: a step that does not return, or an output over "
        "1.5 MiB, which Ops cannot store though the work is done"
    )
