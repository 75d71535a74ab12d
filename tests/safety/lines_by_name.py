"""Lines of runbooks whose variables are called as authors call them, with no kind declared.

A row is the script, a value of each variable, and what its author is told to declare where the
name says nothing or something else. `REFUSED` are those that are written otherwise: what the
author reads, and the line that does the same and is taken.
"""

from collections.abc import Mapping

Row = tuple[str, Mapping[str, str], Mapping[str, str]]

LINES: tuple[Row, ...] = (
    (
        'restic -r "${repo}" backup --tag "${tag}" "${path}"',
        {"repo": "/srv/restic", "tag": "nightly", "path": "/var/lib/app"},
        {"repo": "path"},
    ),
    ("restic -r /srv/restic forget --keep-daily ${keep_daily} --prune", {"keep_daily": "7"}, {}),
    (
        'borg create --stats /backup/repo::"${archive_name}" "${dir}"',
        {"archive_name": "web-2026-11-30", "dir": "/etc"},
        {},
    ),
    ("borg list /backup/repo --last ${count}", {"count": "10"}, {}),
    (
        (
            'openssl s_client -connect "${host_name}:${port}" -servername "${host_name}" '
            "</dev/null 2>/dev/null | openssl x509 -noout -enddate"
        ),
        {"host_name": "shop.example.com", "port": "443"},
        {},
    ),
    (
        'openssl x509 -in "${certfile}" -noout -subject -dates',
        {"certfile": "/etc/ssl/certs/web.pem"},
        {},
    ),
    ('certbot renew --cert-name "${domain}" --dry-run', {"domain": "shop.example.com"}, {}),
    (
        'certbot certonly --webroot -w "${webroot_dir}" -d "${domain}"',
        {"webroot_dir": "/var/www/html", "domain": "a.example.org"},
        {},
    ),
    (
        'docker compose -f "${compose_file}" -p "${project}" up -d "${service}"',
        {"compose_file": "/srv/app/docker-compose.yml", "project": "shop", "service": "web"},
        {},
    ),
    (
        'cd "${dir}" && docker compose restart "${service}"',
        {"dir": "/srv/app", "service": "worker"},
        {},
    ),
    (
        'docker compose -p "${project}" logs --since "${since}" --tail ${lines} "${service}"',
        {"project": "shop", "since": "10m", "lines": "200", "service": "web"},
        {},
    ),
    ('docker inspect -f "{{.State.Health.Status}}" "${container}"', {"container": "web_app_1"}, {}),
    (
        'systemctl set-property --runtime "${unit}" MemoryMax="${memory_size}"',
        {"unit": "nginx.service", "memory_size": "512M"},
        {},
    ),
    ('systemd-analyze critical-chain "${unit}"', {"unit": "nginx.service"}, {}),
    ('systemctl list-timers "${unit}" --all --no-pager', {"unit": "backup.timer"}, {}),
    (
        (
            'journalctl -u "${unit}" -p "${priority}" --since "${since}" --until "${until}" -o '
            "short-iso --no-pager | tail -n ${lines}"
        ),
        {"unit": "sshd", "priority": "err", "since": "2 hours ago", "until": "now", "lines": "100"},
        {},
    ),
    (
        (
            'kubectl rollout undo deployment/"${deployment}" -n "${namespace}" '
            "--to-revision=${revision}"
        ),
        {"deployment": "web", "namespace": "shop", "revision": "3"},
        {},
    ),
    (
        'kubectl scale statefulset "${statefulset}" --replicas=${replicas} -n "${namespace}"',
        {"statefulset": "postgres", "replicas": "3", "namespace": "db"},
        {},
    ),
    (
        (
            'kubectl get events -n "${namespace}" --field-selector '
            'involvedObject.name="${pod}" --sort-by=.lastTimestamp'
        ),
        {"namespace": "shop", "pod": "web-0"},
        {},
    ),
    (
        (
            'kubectl drain "${node}" --ignore-daemonsets --delete-emptydir-data '
            '--timeout="${timeout}"'
        ),
        {"node": "worker-3", "timeout": "120s"},
        {},
    ),
    (
        (
            'kubectl -n "${namespace}" get secret "${secret_name}" -o '
            'jsonpath="{.data.tls\\.crt}" | base64 -d | openssl x509 -noout -enddate'
        ),
        {"namespace": "shop", "secret_name": "web-tls"},
        {},
    ),
    (
        'kubectl -n "${namespace}" exec "${pod}" -c "${container}" -- sh -c "df -h ${path}"',
        {"namespace": "db", "pod": "pg-0", "container": "postgres", "path": "/var/lib/postgresql"},
        {},
    ),
    (
        (
            'kubectl set image deployment/"${deployment}" "${container}"="${image}" -n '
            '"${namespace}"'
        ),
        {
            "deployment": "web",
            "container": "app",
            "image": "registry.example:5000/web:1.4",
            "namespace": "shop",
        },
        {},
    ),
    (
        (
            'helm upgrade "${release}" "${chart}" --version "${version}" -n "${namespace}" '
            '--reuse-values --wait --timeout "${timeout}"'
        ),
        {
            "release": "web",
            "chart": "oci://registry.example/charts/web",
            "version": "1.4.2",
            "namespace": "shop",
            "timeout": "5m",
        },
        {},
    ),
    (
        'helm rollback "${release}" ${revision_number} -n "${namespace}"',
        {"release": "web", "revision_number": "4", "namespace": "shop"},
        {},
    ),
    (
        'helm get values "${release}" -n "${namespace}" -o yaml | yq ".image.tag"',
        {"release": "web", "namespace": "shop"},
        {},
    ),
    (
        (
            'psql -d "${database}" -c "SELECT pid, state FROM pg_stat_activity WHERE usename = '
            "'${user}' LIMIT ${limit}\""
        ),
        {"database": "orders", "user": "app", "limit": "20"},
        {},
    ),
    (
        'psql -d "${database}" -c "SELECT pg_terminate_backend(${pid})"',
        {"database": "orders", "pid": "4711"},
        {},
    ),
    ('psql -d orders -c "VACUUM ANALYZE ${table}"', {"table": "orders"}, {}),
    (
        'pg_dump -Fc -d "${database}" -f "${backup_dir}/${database}.dump"',
        {"database": "orders", "backup_dir": "/backup"},
        {},
    ),
    (
        'mysql -e "SHOW PROCESSLIST" "${database}" | head -n ${limit}',
        {"database": "shop", "limit": "50"},
        {},
    ),
    ('mysql -N -e "KILL ${process_id}"', {"process_id": "812"}, {}),
    (
        (
            'mysqldump --single-transaction "${database}" | gzip > '
            '"${backup_dir}/${database}.sql.gz"'
        ),
        {"database": "shop", "backup_dir": "/backup"},
        {},
    ),
    (
        'redis-cli -h "${server}" -p ${port} -n ${db_number} TTL "${key}"',
        {"server": "cache-1", "port": "6379", "db_number": "0", "key": "session:4711"},
        {"key": "regex"},
    ),
    (
        'redis-cli -h "${server}" --scan --pattern "${prefix}*" | head -n ${limit}',
        {"server": "cache-1", "prefix": "session", "limit": "20"},
        {},
    ),
    (
        'rabbitmqctl list_queues -p "${vhost}" name messages consumers',
        {"vhost": "/"},
        {"vhost": "path"},
    ),
    (
        'rabbitmqctl purge_queue -p "${vhost}" "${queue}"',
        {"vhost": "/", "queue": "orders.retry"},
        {"vhost": "path"},
    ),
    (
        'aws s3 ls "s3://${bucket}/${prefix}/" --recursive --summarize | tail -n ${lines}',
        {"bucket": "acme-backups", "prefix": "db", "lines": "20"},
        {},
    ),
    (
        (
            'aws ec2 describe-instances --region "${region}" --instance-ids "${instance_id}" '
            '--query "Reservations[].Instances[].State.Name" --output text'
        ),
        {"region": "eu-west-1", "instance_id": "i-0abc123def456"},
        {},
    ),
    (
        (
            'aws ecs update-service --cluster "${ecs_cluster}" --service "${service}" '
            '--force-new-deployment --region "${region}"'
        ),
        {"ecs_cluster": "prod", "service": "web", "region": "eu-west-1"},
        {},
    ),
    (
        (
            'gcloud compute instances reset "${instance}" --zone "${zone}" --project '
            '"${project}" --quiet'
        ),
        {"instance": "web-1", "zone": "europe-west1-b", "project": "acme-prod"},
        {},
    ),
    (
        (
            'gcloud logging read "resource.type=k8s_container AND severity>=${severity}" '
            '--limit ${limit} --freshness "${age}"'
        ),
        {"severity": "ERROR", "limit": "50", "age": "1h"},
        {},
    ),
    ("ceph osd out ${osd_id} && ceph osd df tree", {"osd_id": "12"}, {}),
    ('ceph osd pool get "${pool}" size', {"pool": "rbd"}, {}),
    (
        'zfs snapshot "${dataset}@${snapshot}"',
        {"dataset": "tank/data", "snapshot": "before-upgrade"},
        {"dataset": "ref"},
    ),
    (
        'zfs list -t snapshot -o name,used -r "${zfs_path}" | tail -n ${lines}',
        {"zfs_path": "tank/data", "lines": "20"},
        {"zfs_path": "ref"},
    ),
    ('zpool scrub "${pool}" && zpool status "${pool}"', {"pool": "tank"}, {}),
    (
        'lvextend -r -L "+${size}" "/dev/${vg}/${lv}"',
        {"size": "10G", "vg": "vg0", "lv": "data"},
        {},
    ),
    ('lvs --noheadings -o lv_size "${volume_path}"', {"volume_path": "/dev/vg0/data"}, {}),
    ('ip -br addr show dev "${interface}"', {"interface": "eth0"}, {}),
    ('ip route get "${ip}"', {"ip": "10.0.0.7"}, {}),
    (
        'nft add element inet filter blocklist "{ ${ip} timeout ${timeout} }"',
        {"ip": "203.0.113.9", "timeout": "1h"},
        {},
    ),
    ('nft list table inet "${table}"', {"table": "filter"}, {}),
    (
        'rsync -a --delete --bwlimit="${bandwidth}" "${src}/" "${dst}/"',
        {"bandwidth": "20m", "src": "/srv/data", "dst": "backup@nas-1:/volume1/data"},
        {},
    ),
    (
        'ssh "${server}" "sudo systemctl restart ${unit} && systemctl is-active ${unit}"',
        {"server": "db-1", "unit": "postgresql@15-main.service"},
        {},
    ),
    (
        (
            'jq -r --arg ns "${namespace}" ".items[] | select(.metadata.namespace == \\$ns) | '
            '.metadata.name" "${json_file}"'
        ),
        {"namespace": "shop", "json_file": "/tmp/pods.json"},
        {},
    ),
    (
        'yq -i ".image.tag = \\"${tag}\\"" "${values_file}"',
        {"tag": "v1.4.2", "values_file": "/srv/gitops/values.yaml"},
        {},
    ),
    (
        (
            'curl -fsS -o /dev/null -w "%{http_code} %{time_total}\\n" --max-time ${seconds} '
            '"${url}"'
        ),
        {"seconds": "10", "url": "https://shop.example.com/healthz"},
        {},
    ),
    (
        (
            'curl -fsS -X POST -H "Content-Type: application/json" -d "{\\"service\\": '
            '\\"${service}\\", \\"state\\": \\"${state}\\"}" https://hooks.example.com/deploys'
        ),
        {"service": "web", "state": "done"},
        {},
    ),
    (
        'wget -q -O "${target_file}" "${url}"',
        {"target_file": "/opt/releases/app.tgz", "url": "https://dl.example.com/app-1.2.tgz"},
        {},
    ),
    ('tar -czf "${archive}" -C "${dir}" .', {"archive": "/backup/etc.tar.gz", "dir": "/etc"}, {}),
    (
        (
            'find "${dir}" -xdev -type f -size "${size}" -mtime "+${days}" -printf "%s %p\\n" '
            "| sort -rn | head -n ${limit}"
        ),
        {"dir": "/var", "size": "+100M", "days": "7", "limit": "20"},
        {},
    ),
    (
        "awk -v user=\"${user}\" '$1 == user {n++} END {print n+0}' /var/log/secure",
        {"user": "deploy"},
        {},
    ),
    (
        'grep -c -- "${word}" "${logfile}"',
        {"word": "timeout", "logfile": "/var/log/app/app.log"},
        {},
    ),
    (
        'sed -n "${from},${to}p" "${logfile}"',
        {"from": "100", "to": "150", "logfile": "/var/log/syslog"},
        {},
    ),
    (
        'useradd -m -s "${login_shell}" -G "${groups}" "${user}"',
        {"login_shell": "/bin/bash", "groups": "docker,adm", "user": "deploy"},
        {"login_shell": "path"},
    ),
    ('usermod -aG "${group}" "${user}" && id "${user}"', {"group": "docker", "user": "deploy"}, {}),
    (
        'chown -R "${owner}:${group}" "${path}" && chmod "${mode}" "${path}"',
        {"owner": "www-data", "group": "www-data", "path": "/srv/www", "mode": "0750"},
        {},
    ),
    (
        'iptables -I INPUT -s "${cidr}" -p tcp --dport ${port} -j DROP',
        {"cidr": "203.0.113.0/24", "port": "443"},
        {},
    ),
    ('consul kv get "${key_path}"', {"key_path": "app/config/flags"}, {"key_path": "ref"}),
    (
        'vault operator raft list-peers -address="${vault_url}"',
        {"vault_url": "https://vault.example.com:8200"},
        {},
    ),
    (
        'terraform -chdir="${dir}" plan -target="${resource}" -no-color',
        {"dir": "/srv/infra", "resource": "aws_instance.web"},
        {},
    ),
    (
        'ansible "${group}" -i /etc/ansible/hosts -m ping -f ${forks}',
        {"group": "webservers", "forks": "10"},
        {},
    ),
    (
        'etcdctl --endpoints="${endpoint}" endpoint health',
        {"endpoint": "https://10.0.0.5:2379"},
        {},
    ),
    (
        'nginx -t && nginx -s "${nginx_signal}"',
        {"nginx_signal": "reload"},
        {"nginx_signal": "token"},
    ),
    ('haproxy -c -f "${config_file}"', {"config_file": "/etc/haproxy/haproxy.cfg"}, {}),
    (
        'echo "disable server ${backend}/${server}" | socat stdio /run/haproxy/admin.sock',
        {"backend": "web", "server": "web-1"},
        {},
    ),
    (
        'crictl logs --tail ${lines} "${container_id}"',
        {"lines": "100", "container_id": "3f2a9c1d"},
        {},
    ),
    ('smartctl -a "/dev/${disk}" | grep -i -E "reallocated|pending"', {"disk": "sda"}, {}),
    ('mdadm --detail "${device}"', {"device": "/dev/md0"}, {"device": "path"}),
    ('ethtool -S "${interface}" | grep -i err', {"interface": "eth0"}, {}),
    (
        'tcpdump -i "${interface}" -c ${packets} -nn host "${ip}" and port ${port}',
        {"interface": "eth0", "packets": "50", "ip": "10.0.0.7", "port": "5432"},
        {},
    ),
    (
        'dig +short "${domain}" @"${resolver_ip}" "${record_type}"',
        {"domain": "example.com", "resolver_ip": "1.1.1.1", "record_type": "AAAA"},
        {},
    ),
    (
        'kcat -b "${broker}" -t "${topic}" -C -o -${messages} -e -q',
        {"broker": "kafka-1:9092", "topic": "orders.v1", "messages": "20"},
        {"broker": "regex"},
    ),
    (
        'influx query "from(bucket: \\"${bucket}\\") |> range(start: -${window})"',
        {"bucket": "metrics", "window": "1h"},
        {},
    ),
    (
        (
            'if [ "$(df --output=pcent "${mount}" | tail -1 | tr -dc 0-9)" -gt ${percent} ]; '
            'then echo "${mount} is over ${percent}%"; fi'
        ),
        {"mount": "/var", "percent": "90"},
        {},
    ),
    ('for h in ${servers}; do ssh "$h" uptime; done', {"servers": "web-1 web-2"}, {}),
    (
        (
            'for p in $(echo "${pods}" | tr , " "); do kubectl delete pod "$p" -n '
            '"${namespace}"; done'
        ),
        {"pods": "web-0,web-1", "namespace": "shop"},
        {},
    ),
)

REFUSED: tuple[tuple[str, str, str], ...] = (
    (
        'yq eval ".services.${service}.image" "${compose_file}"',
        "in a program of yq outside of its quotes. Put it within quotes of that language",
        'yq eval ".services[\\"${service}\\"].image" "${compose_file}"',
    ),
    (
        'mongosh --quiet "${mongo_db}" --eval "db.${collection}.countDocuments()"',
        "in a program of mongosh outside of its quotes. Put it within quotes of that language",
        (
            'mongosh --quiet "${mongo_db}" --eval '
            "\"db.getCollection('${collection}').countDocuments()\""
        ),
    ),
    (
        (
            'curl -s "http://127.0.0.1:9093/api/v2/silences" -H "Content-Type: '
            'application/json" --data-raw "{\\"comment\\": \\"${comment}\\"}"'
        ),
        "in an argument of 'curl'",
        (
            "jq -n --arg c \"${comment}\" '{comment: $c}' | curl -s -d @- "
            "http://127.0.0.1:9093/api/v2/silences"
        ),
    ),
)
