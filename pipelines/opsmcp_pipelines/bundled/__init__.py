"""The manifests that ship with opsmcp: one file per operation, a Task and its Pipeline each.

Package resources, read by the embedded engine. They are plain Ops manifests and keep to what an Ops
server understands too: `"${name}"` always stands in double quotes, the shell's own variables are
written `$name` without braces, and what explains a failure goes to stderr.
"""
