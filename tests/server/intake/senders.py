"""Senders and what they send, for tests."""

import json
from typing import Any

AM_TOKEN = "a-token-of-alertmanager-0123456789"
GRAFANA_SECRET = "a-secret-of-grafana-0123456789"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLAIN_SECRET = "a-secret-that-signs-plainly-0123456789"
PAGERDUTY_SECRET = "a-secret-of-pagerduty-0123456789"
CLOUD_TOKEN = "a-token-of-cloudevents-0123456789"

SECRETS = {
    "AM_TOKEN": AM_TOKEN,
    "GRAFANA_SECRET": GRAFANA_SECRET,
    "STANDARD_SECRET": STANDARD_SECRET,
    "PLAIN_SECRET": PLAIN_SECRET,
    "PAGERDUTY_SECRET": PAGERDUTY_SECRET,
    "CLOUD_TOKEN": CLOUD_TOKEN,
}

SETTINGS = """\
events:
  senders:
    alertmanager: {type: alertmanager, token: {env: AM_TOKEN}}
    grafana: {type: grafana, secret: {env: GRAFANA_SECRET}, timestamp_header: X-Stamp}
    pagerduty: {type: pagerduty, secret: {env: PAGERDUTY_SECRET}}
    cloud: {type: cloudevents, token: {env: CLOUD_TOKEN}, origins: ["*.example.com"]}
    deploys:
      type: json
      secret: {env: STANDARD_SECRET}
      map: {id: body.id, key: body.service, status: '"info"', labels: body.labels}
    forge:
      type: json
      secret: {env: PLAIN_SECRET}
      hmac: {header: X-Hub-Signature-256, prefix: "sha256="}
      map:
        items: body.jobs
        id: string(body.id)
        key: body.name
        status: 'body.ok ? "resolved" : "firing"'
        severity: '"critical"'
        at: body.at
        labels: {job: body.name, by: 'headers["x-forge"]'}
    local: {type: alertmanager}
"""


def alert(number: int = 1, **more: Any) -> dict[str, Any]:
    """An alert as Alertmanager 0.28 sends it."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "NodeDiskFull",
            "instance": f"h{number}:9100",
            "severity": "critical",
        },
        "annotations": {"summary": f"Disk of h{number} is 91 % full"},
        "startsAt": "2026-11-30T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": f"{number:016x}",
        **more,
    }


def group(*alerts: Any, **more: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="NodeDiskFull"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "opsmcp",
        "groupLabels": {"alertname": "NodeDiskFull"},
        "commonLabels": {"alertname": "NodeDiskFull"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **more,
    }


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()
