"""Copies of the audit trail: to standard output, a syslog receiver, a receiver of OpenTelemetry."""
