"""Bound variables: what the server fills and the model never sees.

Fixed values of the author, secrets and constants of the settings, and who calls. A fixed value
beats the settings, because Ops applies it in any case. Pure; values are never shown or logged.
"""

from collections.abc import Container, Mapping

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import WHITE, is_secret_name
from opsmcp_pipelines.models import Variable
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Bound

__all__ = ["PRINCIPAL", "bind"]

PRINCIPAL = "$principal"
"""The value of a bound variable that stands for the name of whoever calls."""


def bind(
    operation: str,
    variable: Variable,
    kind: Kind,
    settings: Mapping[str, str],
    constants: Container[str] = (),
) -> Bound | None:
    """How the server fills `variable`; None when it leaves it to the caller, or leaves it out.

    `constants` are the names in `settings` whose values are no secrets.

    Raises:
        UnusableOperation: It is required, the caller must not give it, and there is no value.
    """
    secret = is_secret_name(variable.name)
    if variable.value is not None:
        return Bound(variable.name, variable.value, secret)
    own = f"{operation}.{variable.name}"
    name = own if own in settings else variable.name
    value = settings.get(name)
    if value is not None:
        # Whatever the settings bind is a secret, also under an innocent name, unless they say no.
        secret = value != PRINCIPAL and name not in constants
    if value is None and kind is Kind.BOUND:
        value = PRINCIPAL if variable.name.lower() == WHITE else variable.default
        if not value and variable.required:
            raise UnusableOperation(
                f"the variable {variable.name!r} needs a value: set bind.{variable.name}"
            )
    return Bound(variable.name, value, secret) if value is not None else None
