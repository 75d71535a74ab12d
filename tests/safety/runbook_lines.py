"""Ordinary lines of runbooks, of as many programs as there are, with the kinds of their values.

A row is the script and, by variable, its kind (`text`, `list.host.comma`, ...) and a value that an
on-call engineer would give. `output` is what an earlier step printed. The few that are refused are
in `REFUSED`, each with what its author reads.
"""

from collections.abc import Mapping

from tests.safety.python_steps import HONEST

Row = tuple[str, Mapping[str, tuple[str, str]]]
Refused = tuple[str, Mapping[str, tuple[str, str]], str]

NAME = {"pod": ("kubernetes_name", "web-0")}
POD = {"pod": ("kubernetes_name", "web-7d4b9c6f5d-x2x9k"), "namespace": ("kubernetes_name", "shop")}
NAMESPACE = {"namespace": ("kubernetes_name", "shop")}
UNIT = {"unit": ("unit", "getty@tty1.service")}
HOST = {"host": ("host", "db-1.example.com")}
PATH = {"path": ("path", "/var/log/nginx/access.log.1")}
URL = {"url": ("url", "https://a.example/healthz?verbose=1")}
COUNT = {"n": ("count", "20")}
TEXT = {"reason": ("text", "disk full; see 'OPS-1' & call Bob (now)")}
OUTPUT = {"output": ("output", "web-1 is down: \"5\" $(x) `y` \\ 'z'\nsecond line")}
USER = {"user": ("user", "www-data")}
IMAGE = {"image": ("image", "registry.example:5000/team/app:1.2")}
WORD = {"word": ("token", "error")}
CONTAINER = {"container": ("container", "web_app_1")}
SINCE = {"since": ("time", "1 hour ago")}
SIZE = {"size": ("size", "+100M")}
VERSION = {"version": ("version", "1.30.0+k3s1")}
PACKAGE = {"package": ("package", "libstdc++6")}
REF = {"ref": ("ref", "release/1.2")}
IP = {"ip": ("ip", "10.0.0.7")}
CIDR = {"cidr": ("cidr", "10.0.0.0/16")}
SELECTOR = {"selector": ("selector", "app=web,tier!=db")}
NODES = {"nodes": ("list.host.comma", "web-1,web-2")}
RACKS = {"racks": ("list.token.blank", "r1 r2")}
UNITS = {"units": ("list.unit.line", "a.service\nb.service")}
LOCATION = {"source": ("location", "deploy@db-1:/srv/x")}
SIGNAL = {"signal": ("signal", "TERM")}
SCHEDULE = {"schedule": ("schedule", "*/5 * * * *")}
DURATION = {"timeout": ("duration", "30s")}
CHOICE = {"action": ("choice", "restart")}

ON_CALL: tuple[Row, ...] = (
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'for i in {1..5}; do if nc -z -w 2 "${host}" ${port}; then echo "up '
            'after $i"; exit 0; fi; sleep 1; done\n'
            'echo "${host}:${port} stays down" >&2\n'
            "exit 1"
        ),
        {"host": ("host", "db-1.example.com"), "port": ("count", "7")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'kubectl cordon "${node}"\n'
            "trap 'kubectl uncordon \"${node}\"' ERR\n"
            'kubectl drain "${node}" --ignore-daemonsets --delete-emptydir-data '
            "--timeout=300s"
        ),
        {"node": ("kubernetes_name", "web-0")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'cutoff=$(date -d "-${days} days" +%Y-%m-%d)\n'
            "aws s3api list-objects-v2 --bucket ${bucket} --query "
            "\"Contents[?LastModified<'$cutoff'].Key\" --output text | tr '\\t' '\\n' "
            "| wc -l"
        ),
        {"bucket": ("token", "orders"), "days": ("count", "7")},
    ),
    (
        ("gcloud compute instances reset ${vm} --project=${project} --zone=${zone} --quiet"),
        {"project": ("token", "orders"), "zone": ("token", "orders"), "vm": ("token", "orders")},
    ),
    (
        (
            "az vm get-instance-view -g ${group} -n ${vm} --query "
            "'instanceView.statuses[1].displayStatus' -o tsv"
        ),
        {"group": ("token", "orders"), "vm": ("token", "orders")},
    ),
    (
        (
            "cd /srv/infra && terraform workspace select ${workspace} && terraform "
            "plan -input=false -lock-timeout=60s -detailed-exitcode -no-color; "
            "rc=$?; [ $rc -eq 0 ] || [ $rc -eq 2 ]"
        ),
        {"workspace": ("token", "orders")},
    ),
    (
        "vault kv get -format=json ${path} | jq -r '.data.metadata.version'",
        {"path": ("path", "/var/lib/app")},
    ),
    (
        (
            "ETCDCTL_API=3 etcdctl --endpoints=https://${endpoint}:2379 "
            "--cacert=/etc/etcd/ca.crt endpoint status -w table"
        ),
        {"endpoint": ("host", "db-1.example.com")},
    ),
    (
        (
            "rabbitmqctl -q -p ${vhost} list_queues name messages consumers | grep "
            '-w -- ${queue} | awk \'{ if ($2 > 1000) { print "backlog", $2; exit 1 '
            "} }'"
        ),
        {"vhost": ("token", "orders"), "queue": ("token", "orders")},
    ),
    (
        (
            "/opt/kafka/bin/kafka-topics.sh --bootstrap-server "
            '"${KAFKA_BOOTSTRAP:-localhost:9092}" --alter --topic ${topic} '
            "--partitions ${partitions}"
        ),
        {"topic": ("token", "orders"), "partitions": ("count", "7")},
    ),
    (
        ("zpool status -x ${pool} | grep -q 'is healthy' || { zpool status -v ${pool}; exit 1; }"),
        {"pool": ("token", "orders")},
    ),
    (
        ("lvextend -r -L ${size} /dev/${vg}/${lv} && df -h /dev/mapper/${vg}-${lv}"),
        {"vg": ("token", "orders"), "lv": ("token", "orders"), "size": ("size", "+5G")},
    ),
    (
        (
            "nft add element inet filter blocked { ${ip} timeout ${minutes}m } && "
            "nft list set inet filter blocked"
        ),
        {"ip": ("ip", "10.0.0.7"), "minutes": ("count", "7")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'end=$(echo | openssl s_client -servername "${domain}" -connect '
            '"${domain}":443 2>/dev/null | openssl x509 -noout -enddate | cut -d= '
            "-f2)\n"
            'left=$(( ($(date -d "$end" +%s) - $(date +%s)) / 86400 ))\n'
            'if (( left < ${days} )); then echo "${domain}: $left days left"; exit '
            "1; fi\n"
            'echo "${domain}: $left days left"'
        ),
        {"domain": ("host", "db-1.example.com"), "days": ("count", "7")},
    ),
    (
        (
            "restic -r ${repo} snapshots --tag ${tag} --json | jq -r '.[-1] | "
            '.time + " " + .short_id\''
        ),
        {"repo": ("path", "/var/lib/app"), "tag": ("version", "1.30.0")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            "while IFS=: read -r name _ uid _ _ home shell; do\n"
            "  [[ $uid -ge 1000 && $shell != */nologin ]] || continue\n"
            '  printf \'%-20s %6d %s\\n\' "$name" "$uid" "$home"\n'
            'done < "${file}"'
        ),
        {"file": ("path", "/var/lib/app")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            "case ${level} in\n"
            "  prod) replicas=6 ;;\n"
            "  staging|qa) replicas=2 ;;\n"
            "  *) echo 'what?' >&2; exit 2 ;;\n"
            "esac\n"
            'echo "$replicas"'
        ),
        {"level": ("choice", "prod")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'if [[ ${version} =~ ^v?([0-9]+)\\.([0-9]+) ]]; then echo "major '
            "${BASH_REMATCH[1]} minor ${BASH_REMATCH[2]}\"; else echo 'no version'; "
            "exit 1; fi"
        ),
        {"version": ("version", "1.30.0")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'usage() { echo "usage: $0 -n NS -d DEPLOY"; exit 1; }\n'
            "set -- -n ${namespace} -d ${deployment}\n"
            "while getopts 'n:d:' opt; do\n"
            "  case $opt in n) ns=$OPTARG ;; d) dep=$OPTARG ;; *) usage ;; esac\n"
            "done\n"
            'kubectl -n "$ns" scale deployment "$dep" --replicas=${replicas}'
        ),
        {
            "namespace": ("kubernetes_name", "web-0"),
            "deployment": ("kubernetes_name", "web-0"),
            "replicas": ("count", "7"),
        },
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'IFS=, read -ra all <<< "${nodes}"\n'
            'for n in "${all[@]}"; do\n'
            '  state=$(kubectl get node "$n" -o '
            "jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}')\n"
            '  echo "$n ${state:-gone}"\n'
            "done"
        ),
        {"nodes": ("list.host.comma", "web-1,web-2")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            "fail=0\n"
            "for h in $(tr , ' ' <<< \"${hosts}\"); do\n"
            '  timeout 5 ssh -n -o ConnectTimeout=3 "$h" \'systemctl '
            "is-system-running' || fail=$((fail + 1))\n"
            "done\n"
            'exit "$fail"'
        ),
        {"hosts": ("list.host.comma", "web-1,web-2")},
    ),
    (
        (
            "for t in read write; do fio --name=$t --filename=${device} --rw=$t "
            "--bs=4k --runtime=10 --time_based --readonly --output-format=terse | "
            "cut -d';' -f8; done"
        ),
        {"device": ("path", "/var/lib/app")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            "for attempt in $(seq 1 10); do\n"
            "  status=$(curl -sS -o /dev/null -m 5 -w '%{http_code}' --retry 0 "
            '"${url}") || status=000\n'
            '  [[ $status == "${expected}" ]] && { echo "ok after $attempt"; exit '
            "0; }\n"
            "  sleep $(( attempt * 2 ))\n"
            "done\n"
            "exit 1"
        ),
        {"url": ("url", "https://a.example/healthz"), "expected": ("count", "7")},
    ),
    (
        ("chage -M ${days} ${user} && chage -l ${user} | sed -n 's/^Password expires[^:]*: //p'"),
        {"user": ("user", "deploy"), "days": ("count", "7")},
    ),
    (
        ('echo "disable server ${pool}/${server}" | socat stdio /run/haproxy/admin.sock'),
        {"server": ("host", "db-1.example.com"), "pool": ("token", "orders")},
    ),
    (
        (
            "kubectl patch pvc ${pvc} -n ${namespace} --type merge -p "
            '\'{"spec":{"resources":{"requests":{"storage":"\'${size}\'"}}}}\''
        ),
        {
            "namespace": ("kubernetes_name", "web-0"),
            "pvc": ("kubernetes_name", "web-0"),
            "size": ("size", "+5G"),
        },
    ),
    (
        (
            "kubectl get secret ${secret} -n ${namespace} -o go-template='{{range "
            '$k, $v := .data}}{{$k}}{{"\\n"}}{{end}}\''
        ),
        {"namespace": ("kubernetes_name", "web-0"), "secret": ("kubernetes_name", "web-0")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            'reason="${reason}"\n'
            'if [[ -z "$reason" ]]; then\n'
            "  echo 'a reason is needed' >&2\n"
            "  exit 1\n"
            "fi\n"
            'logger -t maintenance -p user.notice -- "$reason"'
        ),
        {"reason": ("text", "disk full: see (OPS-1)")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import os, sys\n"
            "p = '${path}'\n"
            "total = 0\n"
            "for root, dirs, files in os.walk(p):\n"
            "    for f in files:\n"
            "        try:\n"
            "            total += os.path.getsize(os.path.join(root, f))\n"
            "        except OSError as e:\n"
            "            print(f'skipped {f}: {e}', file=sys.stderr)\n"
            "print(f'{p}: {total / 2**20:.1f} MiB')\n"
        ),
        {"path": ("path", "/var/lib/app")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import json, urllib.request\n"
            "with urllib.request.urlopen('${url}', timeout=${timeout}) as r:\n"
            "    data = json.load(r)\n"
            "print(json.dumps({'status': r.status, 'keys': sorted(data)}))\n"
        ),
        {"url": ("url", "https://a.example/healthz"), "timeout": ("count", "7")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import subprocess, json\n"
            "out = subprocess.run(['kubectl', 'get', 'pods', '-n', '${namespace}', "
            "'-o', 'json'], check=True, capture_output=True, text=True).stdout\n"
            "pods = json.loads(out)['items']\n"
            "bad = [p['metadata']['name'] for p in pods if sum(c['restartCount'] "
            "for c in p['status'].get('containerStatuses', [])) > ${limit}]\n"
            "print('\\n'.join(bad) or 'none')\n"
        ),
        {"namespace": ("kubernetes_name", "web-0"), "limit": ("count", "7")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import socket\n"
            'host = "${host}"\n'
            'port = int("${port}")\n'
            "try:\n"
            "    with socket.create_connection((host, port), timeout=3):\n"
            "        print(f'{host}:{port} open')\n"
            "except OSError as error:\n"
            "    raise SystemExit(f'{host}:{port} closed: {error}')\n"
        ),
        {"host": ("host", "db-1.example.com"), "port": ("count", "7")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import json\n"
            "print(json.dumps({'reason': '${reason}', 'by': 'ops'}))\n"
        ),
        {"reason": ("text", "disk full: see (OPS-1)")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import collections, re\n"
            "counts = collections.Counter()\n"
            "with open('${file}', encoding='utf-8', errors='replace') as log:\n"
            "    for line in log:\n"
            "        m = re.search(r'\" (\\d{3}) ', line)\n"
            "        if m:\n"
            "            counts[m.group(1)] += 1\n"
            "for code, n in counts.most_common():\n"
            "    print(code, n)\n"
        ),
        {"file": ("path", "/var/lib/app")},
    ),
    (
        (
            "#!/usr/bin/env python3\n"
            "import subprocess\n"
            "def journal(unit, n):\n"
            "    cmd = ['journalctl', '-u', unit, '-n', str(n), '--no-pager']\n"
            "    return subprocess.check_output(cmd, text=True)\n"
            "print(journal('${service}', ${lines}))\n"
        ),
        {"service": ("unit", "nginx.service"), "lines": ("count", "7")},
    ),
    (
        (
            "#!/bin/bash\n"
            "set -euo pipefail\n"
            "pg_dump -Fc -f /backup/${database}-$(date +%Y%m%d).dump ${database}\n"
            "pg_restore -l /backup/${database}-$(date +%Y%m%d).dump | grep -c "
            "'TABLE DATA'"
        ),
        {"database": ("token", "orders")},
    ),
    (
        (
            "psql -X -d ${database} <<SQL\n"
            'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "${role}";\n'
            "SQL"
        ),
        {"database": ("token", "orders"), "role": ("token", "orders")},
    ),
    (
        (
            "nodetool status ${keyspace} | awk '/^(UN|DN)/ {print $1, $2, $3 $4}' "
            "; nodetool compactionstats -H"
        ),
        {"keyspace": ("token", "orders")},
    ),
    (
        (
            "ceph osd out osd.${osd} && while ! ceph osd safe-to-destroy "
            "osd.${osd} 2>/dev/null; do sleep 10; done && ceph osd tree"
        ),
        {"osd": ("count", "7")},
    ),
    (
        (
            "virsh snapshot-create-as --domain ${vm} --name pre-$(date +%s) "
            "--atomic && virsh snapshot-list ${vm} --tree"
        ),
        {"vm": ("token", "orders")},
    ),
    (
        'ansible web -b -m systemd -a "name=${service} state=restarted" --check',
        {"service": ("unit", "nginx.service")},
    ),
)
"""Whole scripts of on-call teams: loops, functions, traps, here-documents, Python."""

ORDINARY: tuple[Row, ...] = (
    *ON_CALL,
    # systemd and processes
    ('systemctl restart "${unit}"', UNIT),
    ("systemctl status ${unit} --no-pager -n ${n}", UNIT | COUNT),
    ("journalctl -u '${unit}' --since \"${since}\" -n ${n}", UNIT | SINCE | COUNT),
    ('journalctl --no-pager --since "${since}" --grep "${reason}"', SINCE | TEXT),
    ("systemctl show -p ActiveState --value ${unit} | grep -q active", UNIT),
    ("kill -${signal} ${n}", SIGNAL | COUNT),
    ("pkill -${signal} -u ${user} ${word}", SIGNAL | USER | WORD),
    ("renice -n ${n} -u ${user}", COUNT | USER),
    ("ps -o pid,pcpu,comm --sort=-pcpu -u ${user} | head -${n}", USER | COUNT),
    ("timeout ${timeout} ping -c ${n} ${host}", DURATION | COUNT | HOST),
    ("top -b -n 1 -p ${n} | tail -n +7", COUNT),
    ("lsof -i :${n} -a -u ${user}", COUNT | USER),
    ("systemctl list-units '${unit}' --output=json | jq -r '.[].active'", UNIT),
    ("loginctl terminate-user ${user}", USER),
    ("nice -n 10 find ${path} -type f -size ${size} -print", PATH | SIZE),
    # files
    ('du -sh "${path}"/* | sort -h | tail -n ${n}', PATH | COUNT),
    ("df -h ${path}", PATH),
    ("find ${path} -name '*.log' -mtime +${n} -delete", PATH | COUNT),
    ('find /var/log -iname "${reason}" -newermt "${since}"', TEXT | SINCE),
    ('tar -czf /backup/${word}.tar.gz -C "${path}" .', WORD | PATH),
    ("tar --exclude=${word} -cf - ${path} | gzip > /backup/x.gz", WORD | PATH),
    ("rsync -a --delete ${source} /srv/copy/", LOCATION),
    ('rsync -az -e "ssh -p ${n}" "${path}/" ${host}:/srv/', COUNT | PATH | HOST),
    ("scp -P ${n} ${path} root@${host}:/tmp/", COUNT | PATH | HOST),
    ('tail -n ${n} ${path} | grep -c -- "${reason}"', COUNT | PATH | TEXT),
    ("head -c ${size} ${path}", {"size": ("size", "100k")} | PATH),
    ("truncate -s ${size} ${path}", {"size": ("size", "100M")} | PATH),
    ("chown ${user}:${user} ${path}", USER | PATH),
    ("chmod ${mode} ${path}", {"mode": ("token", "0644")} | PATH),
    ("ln -sfn /srv/app-${version} /srv/app", VERSION),
    ("cp -a ${path} ${path}.bak && rm -f -- ${path}", PATH),
    ("stat -c %s ${path}; sha256sum ${path}", PATH),
    ("logrotate -f /etc/logrotate.d/${word}", WORD),
    ("mount | grep ${path} || mount ${path}", PATH),
    ("echo '${user} ALL=(ALL) NOPASSWD: /bin/true' > /etc/sudoers.d/app", USER),
    ("cat > /etc/app.conf <<EOF\nhost = ${host}\nport = ${n}\nEOF", HOST | COUNT),
    ("printf '%s %s\\n' ${ip} ${host} >> /etc/hosts", IP | HOST),
    ("sed -i 's/^port=.*/port=${n}/' ${path}", COUNT | PATH),
    ('sed -i "s|^root=.*|root=${path}|" /etc/app.conf', PATH),
    ("sed -n '${n},+5p' ${path}", COUNT | PATH),
    ('sed "/${word}/d" ${path}', WORD | PATH),
    ("awk -v top=${n} 'NR <= top {print $1}' ${path}", COUNT | PATH),
    ("awk '$3 == \"${user}\" {n++} END {print n}' ${path}", USER | PATH),
    ("awk '$5+0 > ${n} {print $6}'", COUNT),
    ("cut -d: -f${n} /etc/passwd | sort -u", COUNT),
    ('grep -rn -e "${reason}" /var/log/app', TEXT),
    ("grep -c ${word} ${path} || true", WORD | PATH),
    ("wc -l < ${path}", PATH),
    ("diff -u /etc/app.conf ${path}", PATH),
    ("split -b ${size} ${path} part-", {"size": ("size", "10M")} | PATH),
    # Kubernetes
    ("kubectl -n ${namespace} get pod ${pod} -o wide", POD),
    ('kubectl delete pod "${pod}" -n "${namespace}" --grace-period=${n}', POD | COUNT),
    ("kubectl logs ${pod} -n ${namespace} --since=${timeout} --tail=${n}", POD | DURATION | COUNT),
    ("kubectl exec -n ${namespace} ${pod} -- ls -l ${path}", POD | PATH),
    ('kubectl exec ${pod} -- sh -c "stat ${path} && df ${path}"', NAME | PATH),
    ("kubectl exec ${pod} -c ${container} -- cat ${path}", NAME | CONTAINER | PATH),
    ("kubectl get pods -l '${selector}' -A", SELECTOR),
    ("kubectl scale deploy/${pod} --replicas=${n}", NAME | COUNT),
    ("kubectl set image deploy/${pod} app=${image}", NAME | IMAGE),
    ("kubectl rollout restart deployment ${pod}", NAME),
    ("kubectl rollout status deploy/${pod} --timeout=${timeout}", NAME | DURATION),
    ('kubectl annotate node ${host} ops/note="${reason}" --overwrite', HOST | TEXT),
    ("kubectl label pod ${pod} owner=${user}", NAME | USER),
    ("kubectl drain ${host} --ignore-daemonsets --timeout=${timeout}", HOST | DURATION),
    (
        "kubectl cordon ${host} && kubectl get node ${host} -o jsonpath='{.spec.unschedulable}'",
        HOST,
    ),
    ("kubectl get pod ${pod} -o json | jq -r '.status.phase == \"${word}\"'", NAME | WORD),
    ("kubectl top pod ${pod} -n ${namespace} | sort -k3 | head -n ${n}", POD | COUNT),
    ("kubectl run probe --rm -i --image=${image} -- curl -s ${url}", IMAGE | URL),
    ("helm upgrade ${pod} ${image} --set image.tag=${version}", NAME | IMAGE | VERSION),
    ('kubectl patch deploy ${pod} -p \'{"spec":{"replicas":${n}}}\'', NAME | COUNT),
    ("kubectl create configmap x --from-literal=level=${word} --dry-run=client -o yaml", WORD),
    # containers
    ("docker restart ${container}", CONTAINER),
    ("docker exec ${container} df -h ${path}", CONTAINER | PATH),
    ("docker exec -i ${container} sh -c 'kill -HUP 1; ls ${path}'", CONTAINER | PATH),
    ("docker run --rm -v ${path}:/in:ro ${image} ls /in", PATH | IMAGE),
    ('docker ps --filter "name=${container}" --format "{{.Status}}"', CONTAINER),
    ("docker logs --since ${timeout} --tail ${n} ${container}", DURATION | COUNT | CONTAINER),
    ("docker pull ${image} && docker tag ${image} local/app:${version}", IMAGE | VERSION),
    ("docker inspect ${container} | jq '.[0].State'", CONTAINER),
    ("docker compose -f ${path} up -d ${container}", PATH | CONTAINER),
    ("podman stop -t ${n} ${container}", COUNT | CONTAINER),
    ("crictl inspect ${container} | head -n ${n}", CONTAINER | COUNT),
    ("docker save ${image} | ssh ${host} docker load", IMAGE | HOST),
    ("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' ${container}", CONTAINER),
    # other machines
    ('ssh ${host} "systemctl restart ${unit}"', HOST | UNIT),
    ("ssh -o BatchMode=yes -o ConnectTimeout=${n} ${user}@${host} uptime", COUNT | USER | HOST),
    ('ssh root@${host} "grep -c ${word} ${path}"', HOST | WORD | PATH),
    ("ssh ${host} sudo -u ${user} /usr/local/bin/report ${n}", HOST | USER | COUNT),
    (
        "ssh ${host} bash -s <<EOF\nset -e\nsystemctl stop ${unit}\nrm -f ${path}\nEOF",
        HOST | UNIT | PATH,
    ),
    ('echo "systemctl reload ${unit}" | ssh ${host} sh', HOST | UNIT),
    ('for h in $(echo "${nodes}" | tr , " "); do ssh "$h" uptime; done', NODES),
    ('for r in ${racks}; do echo "rack $r"; curl -s http://inventory/racks/$r; done', RACKS),
    ('while read -r u; do systemctl is-active "$u"; done <<EOF\n${units}\nEOF', UNITS),
    ("ansible ${host} -m service -a 'name=${unit} state=restarted'", HOST | UNIT),
    ("sudo -u ${user} -- crontab -l | grep -v '^#'", USER),
    ("su - ${user} -c 'ls ${path}'", USER | PATH),
    # network
    ("curl -fsS -m ${n} ${url}", COUNT | URL),
    ('curl -sS --data-raw "${reason}" https://hooks.example/x', TEXT),
    ('curl -s -H "X-Reason: ${reason}" "${url}"', TEXT | URL),
    ('curl -G --data-urlencode "query=${reason}" ${url}', TEXT | URL),
    ("curl -so /dev/null -w '%{http_code}' http://${host}:${n}/healthz", HOST | COUNT),
    ("wget -q -O - --timeout=${n} ${url}", COUNT | URL),
    ("dig +short ${host} @${ip}", HOST | IP),
    ("nc -zv -w ${n} ${host} ${port}", COUNT | HOST | {"port": ("count", "443")}),
    ("openssl s_client -connect ${host}:${n} -servername ${host} </dev/null", HOST | COUNT),
    ("ip route get ${ip}; ip addr show dev ${word}", IP | {"word": ("token", "eth0")}),
    ("iptables -I INPUT -s ${cidr} -p tcp --dport ${n} -j DROP", CIDR | COUNT),
    ("tcpdump -ni ${word} -c ${n} host ${ip}", {"word": ("token", "bond0.100")} | COUNT | IP),
    ("traceroute -m ${n} ${host}", COUNT | HOST),
    ("nslookup -timeout=${n} ${host} ${ip}", COUNT | HOST | IP),
    # data bases and queues
    (
        'psql -At -c "SELECT count(*) FROM ${word} WHERE age > ${n}"',
        {"word": ("token", "jobs")} | COUNT,
    ),
    ('psql -c "SELECT pg_terminate_backend(${n})"', COUNT),
    ('psql -c "ALTER ROLE \\"${user}\\" CONNECTION LIMIT ${n}" db', USER | COUNT),
    ("mysql -e \"SHOW GRANTS FOR '${user}'@'${host}'\"", USER | HOST),
    ("mysqldump --single-transaction ${word} > /backup/${word}.sql", {"word": ("token", "shop")}),
    (
        "sqlite3 /var/lib/app.db \"DELETE FROM jobs WHERE state = '${word}' LIMIT ${n}\"",
        WORD | COUNT,
    ),
    ("redis-cli -h ${host} -n ${n} DEL session:${word}", HOST | COUNT | WORD),
    ("mongosh --quiet --eval \"db.jobs.countDocuments({state: '${word}'})\"", WORD),
    ("kafka-topics.sh --bootstrap-server ${host}:9092 --describe --topic ${word}", HOST | WORD),
    ("rabbitmqctl purge_queue ${word}", WORD),
    ("pg_dump -h ${host} -U ${user} -Fc ${word} -f ${path}", HOST | USER | WORD | PATH),
    ("curl -s localhost:9200/${word}/_count | jq .count", {"word": ("token", "logs-2026.11")}),
    # packages, git, jobs
    ("apt-get install -y ${package}=${version}", PACKAGE | VERSION),
    ("dnf history undo ${n} -y", COUNT),
    ("rpm -q ${package} || yum install -y ${package}", PACKAGE),
    ("pip install 'app==${version}'", VERSION),
    ("git -C ${path} fetch origin ${ref} && git -C ${path} checkout ${ref}", PATH | REF),
    ('git commit -am x -m "${reason}"', TEXT),
    ("git log --oneline -n ${n} ${ref} -- ${path}", COUNT | REF | PATH),
    ("make -C ${path} deploy VERSION=${version}", PATH | VERSION),
    ("terraform apply -auto-approve -target=module.${word}", WORD),
    ("aws ec2 describe-instances --filters Name=tag:Name,Values=${word}", WORD),
    (
        "aws s3 cp ${path} s3://backup/${word}/ --region ${zone}",
        PATH | WORD | {"zone": ("token", "eu-west-1")},
    ),
    (
        "gcloud compute instances reset ${host} --zone ${zone}",
        HOST | {"zone": ("token", "europe-west1-b")},
    ),
    ("vault kv get -field=${word} secret/app", WORD),
    ("/usr/local/jobs/${word}/start --fast", WORD),
    (
        "(crontab -l; echo '0 3 * * * /bin/x') > /tmp/tab; grep -c \"${schedule}\" /tmp/tab",
        SCHEDULE,
    ),
    ("service ${word} ${action}", {"word": ("token", "nginx")} | CHOICE),
    ("${action} --now", {"action": ("choice", "true")}),
    ("useradd -m -s /bin/bash ${user} && usermod -aG docker ${user}", USER),
    # shell
    ('[ "${n}" -gt 80 ] && echo "over ${n}%"', COUNT),
    ("echo $(( ${n} * 1024 ))", COUNT),
    ('end=$(date -d "${since}" +%s); echo $((end / 60))', SINCE),
    ('age=$(( $(date +%s) - $(stat -c %Y "${path}") )); echo "$age"', PATH),
    ("case ${action} in start|stop) echo ${action};; esac", CHOICE),
    ('name=${pod}; kubectl get pod "$name" || { echo "no $name" >&2; exit 1; }', NAME),
    ('run() { echo "+ $*"; "$@"; }\nrun systemctl reload "${unit}"', UNIT),
    ('retry() { n=$1; shift; "$@"; }\nretry 3 curl -fsS "${url}"', URL),
    ('SUDO=""; [ "$(id -u)" = 0 ] || SUDO=sudo\n$SUDO systemctl stop ${unit}', UNIT),
    ("KUBECTL=${KUBECTL:-kubectl}; $KUBECTL get pod ${pod}", NAME),
    (
        'cmd=(kubectl get pods -n "${namespace}")\ncmd+=(-o wide)\n"${cmd[@]}"',
        {"namespace": POD["namespace"]},
    ),
    ("ls ${path} | xargs -n 1 basename", PATH),
    ('echo "${nodes}" | tr , "\\n" | xargs -I{} ssh {} uptime', NODES),
    ("trap 'rm -f /tmp/lock.${word}' EXIT; echo ok", WORD),
    ("python3 -c \"import json; print(json.dumps({'pod': '${pod}', 'n': ${n}}))\"", NAME | COUNT),
    ("perl -ne 'print if /x/' ${path} | head -n ${n}", PATH | COUNT),
    # text and outputs
    ('echo "reason: ${reason}"', TEXT),
    ('logger -t ops -- "${reason}"', TEXT),
    ('sudo -n -u app logger -t ops "${reason}"', TEXT),
    ('timeout 5 nice -n 10 grep -c -e "${reason}" /var/log/syslog', TEXT),
    ("printf 'note: %s\\n' \"${reason}\" >&2", TEXT),
    ("cat <<EOF\nTicket: ${reason}\nBy: ${user}\nEOF", TEXT | USER),
    ('if [ -n "${reason}" ]; then echo "${reason}"; else echo none; fi', TEXT),
    ('case "${output}" in *down*) echo bad;; *) echo good;; esac', OUTPUT),
    ('echo "${output}" | grep -c down || true', OUTPUT),
    ('echo "${output}" | tail -n ${n} | sort | uniq -c', OUTPUT | COUNT),
    ('last=$(echo "${output}" | tail -n 1); echo "last: $last"', OUTPUT),
    ('[ "${output}" = "ok" ] || exit 1', OUTPUT),
    ("jq -n --arg why \"${reason}\" '{text: $why}'", TEXT),
    (
        'body=$(jq -n --arg t "${reason}" \'{text: $t}\')\ncurl -sS --data-raw "$body" https://hooks.example/x',
        TEXT,
    ),
    ("wc -l <<EOF\n${output}\nEOF", OUTPUT),
    ('msg="${reason}"\necho "said: $msg"', TEXT),
    ('#!/bin/bash\nif [[ "${output}" == *web-1* ]]; then echo found; fi', OUTPUT),
    # one line of as many programs
    ('git commit -am "${reason}"', TEXT),
    ('git -C /srv/app commit -m "${reason}"', TEXT),
    ('git tag -a v1 -m "${reason}"', TEXT),
    ('kubectl -n ${namespace} annotate deploy/web reason="${reason}"', NAMESPACE | TEXT),
    ('kubectl -n shop annotate pod ${pod} reason="${reason}" --overwrite', NAME | TEXT),
    ('echo "$(date) ${user} ${reason}"', USER | TEXT),
    ("systemctl enable --now ${unit} && systemctl is-active ${unit}", UNIT),
    ("systemctl show ${unit} -p MainPID --value", UNIT),
    ('journalctl -u ${unit} --since "${since}" --no-pager | tail -n ${n}', UNIT | SINCE | COUNT),
    ("docker ps -a --filter name=${container} --format '{{.ID}}'", CONTAINER),
    ("docker cp ${container}:${path} /tmp/copy", CONTAINER | PATH),
    ("docker network connect ops ${container}", CONTAINER),
    (
        "helm -n ${namespace} rollback ${pod} ${n} --wait --timeout ${timeout}",
        NAMESPACE | NAME | COUNT | DURATION,
    ),
    ("helm history ${pod} -n ${namespace} --max ${n}", NAME | NAMESPACE | COUNT),
    ('psql -h ${host} -U postgres -c "SELECT pg_cancel_backend(${n})"', HOST | COUNT),
    (
        "psql -h ${host} -Atqc \"SELECT state FROM pg_stat_activity WHERE usename = '${user}'\"",
        HOST | USER,
    ),
    ("mysql -h ${host} -N -e \"SELECT COUNT(*) FROM users WHERE name = '${user}'\"", HOST | USER),
    (
        'redis-cli -h ${host} --scan --pattern "session:${word}:*" | head -n ${n}',
        HOST | WORD | COUNT,
    ),
    ("redis-cli -h ${host} CONFIG SET maxmemory ${n}", HOST | COUNT),
    ("aws ec2 reboot-instances --instance-ids ${word} --region eu-west-1", WORD),
    ("aws s3 ls s3://backups/${word}/ --human-readable", WORD),
    ("aws logs tail /ecs/${word} --since 1h", WORD),
    ("gcloud compute instances stop ${host} --zone ${word} --quiet", HOST | WORD),
    ("gcloud container clusters get-credentials ${word} --region europe-west1", WORD),
    ("az vm restart -g rg-${word} -n ${host}", WORD | HOST),
    ("rsync -avz --bwlimit=${n} ${path}/ backup@${host}:/srv/backup/", COUNT | PATH | HOST),
    ("tar -tzf ${path} | head -n ${n}", PATH | COUNT),
    ("tar -xzf ${path} -C /srv/restore", PATH),
    ("openssl x509 -in ${path} -noout -enddate", PATH),
    ("echo | openssl s_client -connect ${host}:443 2>/dev/null | openssl x509 -noout -dates", HOST),
    ("jq -n --arg t \"${reason}\" '{text:$t}' | curl -sS -d @- https://hooks.example/x", TEXT),
    (
        'curl -sS -X POST --data-raw "$(jq -n --arg t "${reason}" \'{text:$t}\')" https://hooks.example/x',
        TEXT,
    ),
    ("ip -br addr show dev ${word}", WORD),
    ("ip link set dev ${word} mtu ${n}", WORD | COUNT),
    ("ufw allow from ${ip} to any port ${n} proto tcp", IP | COUNT),
    ("certbot renew --cert-name ${host} --non-interactive", HOST),
    ("nginx -t && systemctl reload ${unit}", UNIT),
    ("zfs list -t snapshot -o name -s creation tank/${word} | tail -n ${n}", WORD | COUNT),
    ("zfs destroy tank/${word}@daily-${n}", WORD | COUNT),
    ("lvextend -r -L ${size} /dev/vg0/${word}", SIZE | WORD),
    ("pvs --noheadings -o pv_free /dev/${word}", WORD),
    ("ceph osd reweight ${n} 0.8", COUNT),
    ("mdadm --detail /dev/${word}", WORD),
    ("smartctl -H /dev/${word}", WORD),
    ("iptables -D INPUT -s ${ip} -j DROP", IP),
    ("nft list ruleset | grep ${ip}", IP),
    ("conntrack -L -s ${ip} | wc -l", IP),
    ("crontab -l -u ${user}", USER),
    ("getent passwd ${user} | cut -d: -f6", USER),
    ("passwd -l ${user}", USER),
    ("chage -l ${user}", USER),
    ("usermod -L ${user}", USER),
    ("id ${user} && groups ${user}", USER),
    ("df --output=pcent ${path} | tail -n 1 | tr -d ' %'", PATH),
    (
        "find ${path} -xdev -type f -size ${size} -mtime +${n} -print0 | xargs -0 ls -lh",
        PATH | SIZE | COUNT,
    ),
    ("find ${path} -name '*.gz' -mtime +${n} -exec rm -f {} +", PATH | COUNT),
    ("lsof +D ${path} | awk '{print $1}' | sort | uniq -c", PATH),
    ("ss -tnp dst ${ip}", IP),
    ("mtr -rwc ${n} ${host}", COUNT | HOST),
    ("dig +short ${host} | head -n 1", HOST),
    ("host -t mx ${host}", HOST),
    ("etcdctl --endpoints=https://${host}:2379 endpoint health", HOST),
    ("consul members -node ${word}", WORD),
    ("nomad job status ${word}", WORD),
    ("vault kv get -mount=secret ${word}", WORD),
    ("terraform -chdir=${path} plan -target=module.${word}", PATH | WORD),
    ("rabbitmqctl list_queues name messages | grep ${word}", WORD),
    (
        "kafka-consumer-groups.sh --bootstrap-server ${host}:9092 --describe --group ${word}",
        HOST | WORD,
    ),
    ("influx query 'from(bucket:\"x\")' --host ${url}", URL),
    ("mongodump --host ${host} --db ${word} --out /backup/${word}", HOST | WORD),
    ("pg_basebackup -h ${host} -D ${path} -U replicator -P", HOST | PATH),
    ("cp -a ${path} ${path}.bak.$(date +%F)", PATH),
    ('start=$(date +%s); sleep ${n}; echo "took $(( $(date +%s) - start )) s"', COUNT),
    (
        'msg="${reason}"; start=$(date +%s); logger "$msg"; end=$(date +%s); echo $((end - start))',
        TEXT,
    ),
    ('count=$(echo "${output}" | wc -l); [ "$count" -gt 3 ] && echo many', OUTPUT),
    ('log() { echo "$(date -Is) $*"; }; log "restarting ${unit}"; systemctl restart ${unit}', UNIT),
    ("DRY=${DRY:-}; $DRY systemctl restart ${unit}", UNIT),
    ("for i in 1 2 3; do curl -fsS ${url} && break; sleep ${n}; done", URL | COUNT),
    (
        "until kubectl -n ${namespace} get pod ${pod} | grep -q Running; do sleep 5; done",
        NAMESPACE | NAME,
    ),
    ("if ! systemctl is-active --quiet ${unit}; then systemctl start ${unit}; fi", UNIT),
    ('tmp=$(mktemp -d); tar -xf ${path} -C "$tmp"; ls "$tmp"; rm -rf "$tmp"', PATH),
    ('set -eu; . /etc/os-release; echo "$ID"; systemctl restart ${unit}', UNIT),
    ("curl -fsSL https://get.example/install.sh | sh -s -- --version ${version}", VERSION),
    ("export PATH=$PATH:/usr/local/bin; kubectl get pod ${pod}", NAME),
    (
        "kubectl -n ${namespace} get events --sort-by=.lastTimestamp | grep ${pod} | tail -n ${n}",
        NAMESPACE | NAME | COUNT,
    ),
    (
        'set -- "--namespace=${namespace}"\ntries=3\nwhile [ "$tries" -gt 0 ]; do\n'
        'tries=$((tries - 1))\nkubectl get pods "$@"\ndone',
        NAMESPACE,
    ),
    # Python
    ("# python\nprint('pod ${pod}', ${n} + 1)", NAME | COUNT),
    (
        "#!/usr/bin/env python3\nimport subprocess\nsubprocess.run(['ls', '-l', '${path}'])",
        PATH,
    ),
    ("# python3\nimport os\nos.system('systemctl restart ${unit}')", UNIT),
    ("# python3\nimport json\nprint(json.dumps({'reason': '${reason}'}))", TEXT),
    ("# python3\nif '${output}' == 'ok':\n    print('good')", OUTPUT),
    ("# python3\nfor n in '${nodes}'.split(','):\n    print(n)", NODES),
    (
        "# python3\nimport re, ssl, socket\nLINE = re.compile('x')\n"
        "c = ssl.create_default_context()\n"
        "c.check_hostname = False\nwith socket.create_connection(('${host}', ${n})) as plain:\n"
        "    print(c.wrap_socket(plain, server_hostname='${host}').version())",
        HOST | COUNT,
    ),
    (
        "# python3\nimport subprocess\ndef lines(*words):\n"
        "    return subprocess.run(['df', '-P', *words], capture_output=True).stdout\n"
        "print(lines('${path}'))",
        PATH,
    ),
    *((script, HOST) for script in HONEST),
    (
        "# python3\nimport urllib.request\nurllib.request.urlopen('${url}', timeout=${n})",
        URL | COUNT,
    ),
)

REFUSED: tuple[Refused, ...] = (
    # Text within a longer word of a program that reads it as JSON: jq --arg writes it.
    (
        'curl -s -d \'{"text": "${reason}"}\' https://hooks.example/x',
        TEXT,
        "in an argument of 'curl'",
    ),
    # A file that anybody could have named is run.
    (". ${path}", PATH, "a file that is run"),
    # A file could be read by whatever runs there.
    ('echo "${reason}" > /etc/motd', TEXT, "is written to a file"),
    # A file of any name is read, and printed.
    ('grep -nf "${reason}" /etc/hosts', TEXT, "in an argument of 'grep'"),
    ('logger -f "${reason}"', TEXT, "in an argument of 'logger'"),
    ('logger --journald "${reason}"', TEXT, "in an argument of 'logger'"),
    # What an unknown program makes of text is not known.
    ('slackcat --channel ops "${output}"', OUTPUT, "in an argument of 'slackcat'"),
    # A name is no path of a key.
    (
        "kubectl get cm x -o json | jq '.data.${word}'",
        WORD,
        "in a program of jq outside of its quotes",
    ),
)
