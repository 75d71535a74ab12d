"""Good values of each kind, ordinary ones first."""

from collections.abc import Mapping

from opsmcp_pipelines.kinds.kind import Kind

GOOD_VALUES: Mapping[Kind, tuple[str, ...]] = {
    Kind.TOKEN: ("error", "eu-west-1", "1.13.7", "web_app_1"),
    Kind.CLUSTER: ("prod-1", "kubernetes-admin@kubernetes"),
    Kind.HOST: ("db-1", "www.example.com", "10.0.0.7"),
    Kind.KUBERNETES_NAME: ("web-0", "kube-system", "coredns-5d78c9869d-4zq7k"),
    Kind.CONTAINER: ("web_app_1", "nginx", "4f2a9c1b7d3e"),
    Kind.USER: ("deploy", "www-data", "_apt"),
    Kind.EMAIL: ("ops@example.com", "anna.b+pager@mail.example.org"),
    Kind.PACKAGE: ("nginx", "python3.11", "libstdc++6"),
    Kind.VERSION: ("1.13.7", "v1.30.0+k3s1", "1.2~rc1-1", "latest"),
    Kind.COUNT: ("1", "200"),
    Kind.SIZE: ("100M", "+100M", "1.5Gi", "512"),
    Kind.DURATION: ("30s", "2h30m", "60"),
    Kind.FLAG: ("true", "false"),
    Kind.SIGNAL: ("TERM", "SIGHUP", "9"),
    Kind.UNIT: ("nginx.service", "getty@tty1.service", "nginx"),
    Kind.PATH: ("/var/log/nginx", "/etc/hosts", "/srv/app-1.2/.env"),
    Kind.REF: ("main", "HEAD~1", "release/1.2", "v1.2.3", "4f2a9c1"),
    Kind.IMAGE: (
        "nginx:1.25",
        "registry.example:5000/team/app:1.2",
        "oci://registry.example/charts/app",
    ),
    Kind.URL: ("https://a.example/healthz?verbose=1", "http://prometheus:9090"),
    Kind.IP: ("10.0.0.7", "fd00::7"),
    Kind.CIDR: ("10.0.0.0/16", "fd00::/8"),
    Kind.LOCATION: ("deploy@db-1:/srv/x", "/srv/x", "db-1:/var/backups"),
    Kind.SELECTOR: ("app=web", "app=web,tier!=db", "!canary"),
    Kind.TIME: ("2h", "2026-11-25", "2026-11-25T08:00:00Z", "1 hour ago", "yesterday", "08:30"),
    Kind.SCHEDULE: ("*/5 * * * *", "0 3 * * 1-5", "@daily"),
    Kind.TEXT: ("disk of web-1 is full", "磁盘满了"),
}
