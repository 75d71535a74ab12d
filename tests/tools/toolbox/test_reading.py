"""Which scripts are known only to read. Nothing here is run."""

import pytest

from opsmcp_tools.toolbox.read_only.evidence import Proof
from opsmcp_tools.toolbox.read_only.script import weigh_script

READS = r"""
df -h
kubectl get pods -n "${ns}" -o wide | grep -v Running | awk '{print $1, $4}' | sort | uniq -c
ps aux --sort=-%mem | head -n 11
find /var/log -name '*.log' -size +100M -mtime -7 -exec ls -lh {} \; 2>/dev/null
journalctl -u "${unit}" -n 50 --no-pager --since "-1h" -b -1
sed -n '1,20p' /etc/hosts
systemctl status "${unit}" --no-pager || true
systemctl --failed
ns="${ns}"; kubectl get pods -n $ns
for n in $(kubectl get nodes -o name); do echo "$n"; kubectl describe "$n" | tail -n 5; done
ssh "${host}x" 'df -h | tail -n +2' 2>&1
fail() { echo "$1" >&2; exit 1; }; [ -n "${x}" ] || fail "none"
psql -At -c "SELECT pid, now() - query_start AS age FROM a WHERE state <> 'idle; drop' LIMIT ${n}"
mysql -e "SHOW SLAVE STATUS\G"
ss -tlnp
ss -tn state established '( dport = :443 )'
kubectl exec -n shop "${pod}" -- sh -c 'cat /etc/hosts'
docker exec web nginx -t
awk '$5+0 > 80 {print $6, $5}' /proc/x
awk 'NR > 1 && $1 !~ /^(a|b|\/dev\/loop)/ { printf "%5s -> %8.1f  %s\n", $5, $2 / 2, $6 }' f
if [ "$(df --output=pcent / | tail -1 | tr -dc 0-9)" -gt 90 ]; then echo full; fi
sudo -n dmesg -T | tail -n 50
timeout 5 openssl s_client -connect "${domain}:443" -servername "${domain}" </dev/null 2>/dev/null
top -b -n 1 | head -20
ip -br addr
ip route get 1.1.1.1
date '+%F %T'; uptime; free -m
xargs -r ls -l < list
tar -tzf /backup/x.tgz
crontab -l -u root
redis-cli -h x info memory
aws ec2 describe-instances --region eu-west-1
git -C /srv log --oneline -5
while read -r line; do echo "$line"; done < /etc/fstab
MOST=90; used=$(df -P / | awk 'NR==2 {sub("%","",$5); print $5}'); test "$used" -lt "$MOST"
lsof -iTCP:8080 -sTCP:LISTEN -nP
command -v jq >/dev/null || echo no
echo "a" | sed -e 's/a/b/g' -e '/^$/d' -e '/x/,$p;1{p;d}'
du -sh /var/* 2>/dev/null | sort -rh | head
[[ -f /x ]] && cat /x
sysctl -n vm.swappiness
set -eu; set -o pipefail; find "${path}" -type f
"""

ASKS = r"""
curl -sf -o /dev/null -w '%{http_code}' "${url}"
curl -s https://status.example.com/api | jq -r .state
wget -qO- "${url}/health" | head -n 5
"""

UNKNOWN = r"""
rm -f /tmp/x
find /tmp -delete
find /tmp -name x -exec rm {} \;
find / -name x -ok rm {} \;
find . -fprintf /x a
sed -i s/a/b/ /etc/hosts
sed 's/a/b/w /etc/x' f
sed '1e id' f
sed 's/a/b/e' f
sed -n 'w /etc/x' f
sed "${program}" f
curl -X POST http://x
curl -d a=b http://x
curl -o /etc/x http://x
curl gopher://x
curl {-X,POST} http://x
OPTS="-X DELETE"; curl $OPTS http://x
o=-o/etc/passwd; sort "$o" x
set -- -delete; find "$@"
for a in -delete; do find / $a; done
f() { find / "$1"; }; f -delete
sort -o /etc/passwd x
uniq a b
awk '{print > "/etc/x"}' f
awk '{ print $1, $2 > $3 }' f
awk '{ printf("%s", $1) > "/x" }' f
awk 'BEGIN{system("rm x")}'
awk 'BEGIN { system ("rm x") }'
awk '{print | "sh"}'
awk 'BEGIN{while (("ls" | getline x) > 0) print x}'
awk '@load "filefuncs"; { print }'
awk -f x.awk f
kubectl delete pod x
kubectl get pods -o name | xargs kubectl delete
kubectl --context x delete pod get
kubectl "${verb}" pods
kubectl get-x y
kubectl exec p -- rm x
kubectl exec p rm x
docker -l info rm x
docker exec web rm x
docker system prune -f
systemctl restart nginx
systemctl --no-pager stop status
service nginx restart
journalctl --vacuum-time=1d
date -s 2020
date 010112002020
hostname new
dmesg -C
sysctl -w a=b
sysctl a=b
ip link set eth0 down
ip addr add 1 dev x
ip -batch f
ss -K dst 1
tee /etc/x
echo a > /etc/x
echo a >> x
ls &> /etc/x
echo hi >& /etc/x
: > /etc/x
> /etc/x
echo x > "${path}"
eval "$x"
$cmd
"$@"
${x}
${x} -l
/opt/${x} -l
sh -c "${cmd}"
bash script.sh
. /etc/profile
source x
trap 'rm x' EXIT
python3 x.py
if true; then rm() { :; }; fi; rm x
false && rm() { :; }; rm x
rm() { :; } | cat; rm x
a=(-delete); find / "${a[@]}"
export "PATH=/x"; df
unset -f cd; df
rm x; rm() { :; }
f() { "$@"; }; f rm -r /
PATH=/evil df
PATH=/evil; df
export PATH=/x; df
LD_PRELOAD=x ls
env LD_PRELOAD=x ls
read PATH < x; ls
printf -v PATH x
for PATH in /x; do ls; done
echo x | sh
ssh h 'rm x'
ssh h "${cmd}"
ssh h
ssh -o ProxyCommand=x h ls
psql -c "SELECT pg_terminate_backend(1)"
psql -c "DELETE FROM x"
psql -c "WITH a AS (DELETE FROM x RETURNING 1) SELECT 1"
psql -c "SELECT 1; DROP TABLE x"
psql -c "EXPLAIN ANALYZE DELETE FROM x"
psql -c "SELECT lo_unlink(1)"
psql -c "${query}"
psql -f x
psql
mysql -e "SELECT 1 INTO OUTFILE '/x'"
redis-cli flushall
redis-cli
tar -xzf x
crontab -r
crontab x
iptables -L -Z
mount -a
mount /dev/x /y
kill -9 1
pkill x
ls | xargs rm
ls | xargs
ls | xargs find
ls | xargs -I{} curl {}
git clean -fd
aws ec2 terminate-instances
aws s3 rm s3://x
nc -l 1
wget http://x
cat <(rm x)
echo `rm x`
echo "$(rm x)"
[ -n "$(rm x)" ]
echo $((a[$(rm x)]))
cat x |& tee y
cp a b
touch x
mktemp
openssl x509 -in a -out b
env -i rm x
sudo rm x
sudo -u x sh -c 'rm x'
sudo -s
timeout 5 rm x
nice rm x
busybox rm x
exec rm x
exec 3>/etc/x
coproc rm x
acmectl groupdel x
acmectl wipefs x
loginctl terminate-session 1
lastlog -C -u x
unset -f x
echo ${x@P}
if (
"""


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("script", lines(READS))
def test_a_script_of_commands_that_only_read_is_known_to_read(script: str):
    assert weigh_script(script).proof is Proof.READS


@pytest.mark.parametrize("script", lines(ASKS))
def test_a_script_that_asks_a_service_is_known_to_do_no_more(script: str):
    assert weigh_script(script).proof is Proof.ASKS


@pytest.mark.parametrize("script", lines(UNKNOWN))
def test_whatever_else_a_script_does_is_not_known(script: str):
    found = weigh_script(script)
    assert found.proof is Proof.NONE
    assert found.unknown


@pytest.mark.parametrize("script", ["slackcat x", "(script left out)", "df -h\nfrobnicate --list"])
def test_a_program_that_nobody_knows_is_neither_known_to_read_nor_seen_to_change(script: str):
    found = weigh_script(script)
    assert found.proof is Proof.UNSEEN
    assert found.unknown


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("df -h\nfrobnicate --list", "'frobnicate'"),
        ("kubectl delete pod x", "'kubectl delete pod x'"),
        ("sort -o x y", "'sort -o'"),
        ("echo x > /etc/x", "'> /etc/x'"),
        ("#!/usr/bin/env python3\nprint(1)", "a script for /usr/bin/env python3"),
        ("cat <<E | sh\nrm x\nE", "what a shell is given"),
        ("cat <<E\n$(rm x)\nE", "'rm'"),
        ("echo \x1b[31m; 'fro\x1bb'", "'fro\\u{1b}b'"),
        ("# " + "x" * 20_000, "too long"),
    ],
)
def test_what_is_not_known_is_named(script: str, named: str):
    assert named in weigh_script(script).unknown


def test_a_text_for_cat_is_no_program():
    assert weigh_script("cat <<E\nrm -r ${x} > y\nE").proof is Proof.READS


def test_scripts_that_nest_too_deep_are_not_known():
    script = "true"
    for _ in range(5):
        script = "sh -c '" + script.replace("'", "'\\''") + "'"
    assert weigh_script(script).proof is Proof.NONE
