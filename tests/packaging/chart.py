"""Renders the chart for each file of its `ci/` with Helm's own code, and checks what comes out.

    python -m tests.packaging.chart             compares with tests/golden/chart
    python -m tests.packaging.chart --update    writes it anew

Called by `make package-check`, as what it needs is in the dependency group `package` alone.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from opsmcp_server.config.load import load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart" / "opsmcp"
GOLDEN = ROOT / "tests" / "golden" / "chart"
VERSIONS = ("1.27", "1.37")
"""The oldest Kubernetes that Chart.yaml names, and the newest whose schemas are known."""

FOREIGN = {"HTTPRoute", "PrometheusRule", "ServiceMonitor"}
"""Kinds that Kubernetes has no schema of; golden files hold them."""

REFUSED: Mapping[str, Mapping[str, Any]] = {
    "got string": {"service": {"port": "http"}},
    "'imagee' not allowed": {"imagee": {}},
    "'tagg' not allowed": {"image": {"tagg": "1"}},
    "/replicas": {"replicas": 2},
    "/publicUrl": {"auth": {"oidc": [{"id": "a", "issuer": "https://login.example.com"}]}},
    "/image/tag": {"image": {"tag": "latest"}},
    "/existingSecret/name": {"existingSecret": {"env": {"OPS_TOKEN": "token"}}},
    "/metrics/enabled": {"metrics": {"dashboard": {"enabled": True}}},
    "/ingress/host": {"ingress": {"enabled": True}},
}
"""What of a refusal names the mistake, and the mistake."""

Object = dict[str, Any]


def render(values: Mapping[str, Any]) -> dict[str, str]:
    """Each template and what it becomes."""
    from helm_python import Chart

    with Chart.load(CHART) as chart:
        return cast("dict[str, str]", chart.render(dict(values), name="ops", namespace="runbooks"))


def main() -> int:
    """Every check; the exit status."""
    if "--update" in sys.argv:
        return update()
    wrong = [*lint(), *schema()]
    for case in cases():
        wrong += [f"{case.name}: {what}" for what in rendering(case)]
    sys.stdout.writelines(f"{what}\n" for what in wrong)
    return bool(wrong)


def cases() -> list[Path]:
    return sorted(CHART.glob("ci/*-values.yaml"))


def update() -> int:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for case in cases():
        (GOLDEN / case.name).write_text(golden(render(values_of(case))), "utf-8")
    return 0


def lint() -> Iterator[str]:
    import helm_python

    found = helm_python.lint(str(CHART), values=values_of(CHART / "ci" / "minimal-values.yaml"))
    yield from (str(message) for message in found["messages"] if message["severity"] > 1)


def schema() -> Iterator[str]:
    from helm_python import HelmValuesError

    for told, values in REFUSED.items():
        try:
            render(values)
        except HelmValuesError as error:
            if told not in str(error):
                yield f"{values} is refused without {told}: {error}"
        else:
            yield f"{values} is taken"


def rendering(case: Path) -> Iterator[str]:
    """What is wrong with what the chart makes of one file."""
    rendered = render(values_of(case))
    expected = GOLDEN / case.name
    if not expected.exists() or golden(rendered) != expected.read_text("utf-8"):
        yield "differs from tests/golden/chart: python -m tests.packaging.chart --update"
    objects = objects_of(rendered)
    for found in objects:
        yield from unknown_to_kubernetes(found)
        yield from unsafe(found)
    yield from unloadable(objects)


def golden(rendered: Mapping[str, str]) -> str:
    """All of it in one text, without the blank lines of templates."""
    parts = [f"# {name}\n{text.strip()}" for name, text in sorted(rendered.items()) if text.strip()]
    return "\n---\n".join(parts) + "\n"


def values_of(case: Path) -> Object:
    return cast("Object", yaml.safe_load(case.read_text("utf-8")))


def objects_of(rendered: Mapping[str, str]) -> list[Object]:
    texts = (text for name, text in rendered.items() if name.endswith(".yaml"))
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def unknown_to_kubernetes(found: Object) -> Iterator[str]:
    import kubernetes_validate

    if found["kind"] in FOREIGN:
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(found, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{found['kind']} in {version}: {error}"


def unsafe(found: Object) -> Iterator[str]:
    """What no pod of ours has: a Secret that a chart made, a container that may be root."""
    if found["kind"] == "Secret":
        yield "the chart makes a Secret"
    if found["kind"] != "StatefulSet":
        return
    template = found["spec"]["template"]
    if "checksum/config" not in template["metadata"]["annotations"]:
        yield "no annotation has the checksum of the settings"
    ours = next(one for one in template["spec"]["containers"] if one["name"] == "opsmcp")
    if not {"livenessProbe", "readinessProbe", "startupProbe", "resources"} <= set(ours):
        yield "a probe or the resources are missing"
    if not ours["securityContext"]["readOnlyRootFilesystem"] or ours["image"].endswith(":latest"):
        yield "the root can be written, or the image is whatever is latest"


def unloadable(objects: list[Object]) -> Iterator[str]:
    """The settings of the ConfigMap and the variables of the pod, loaded as opsmcp loads them."""
    maps = (one["data"] for one in objects if one["kind"] == "ConfigMap")
    text = next(data["opsmcp.yaml"] for data in maps if "opsmcp.yaml" in data)
    pod = next(one for one in objects if one["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    ours = next(one for one in pod["containers"] if one["name"] == "opsmcp")
    with tempfile.TemporaryDirectory() as folder:
        mounted = text
        for mount in ours["volumeMounts"]:
            place = Path(folder) / "mounted" / mount["mountPath"].strip("/").replace("/", "-")
            place.mkdir(parents=True)
            mounted = mounted.replace(mount["mountPath"], str(place))
        file = Path(folder) / "opsmcp.yaml"
        file.write_text(mounted, "utf-8")
        environ = {one["name"]: one.get("value", "12345678" * 8) for one in ours["env"]}
        try:
            load(environ | {"HOME": folder}, cwd=Path(folder), file=file)
        except Exception as error:  # noqa: BLE001 - whatever it is, opsmcp would not start
            yield f"opsmcp does not start with it: {error}"


if __name__ == "__main__":
    sys.exit(main())
