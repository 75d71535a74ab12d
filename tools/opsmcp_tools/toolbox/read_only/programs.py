"""Programs that are known only to read, and with which options and operands: one table.

From the manuals of POSIX, GNU, util-linux, procps, iproute2, systemd and of each client. What is
not here is not known, be it harmless or not; nothing is listed here for being dangerous.
Options: `-n` is a flag, `-n=` takes a value, `-o=a|b` one of these values, `-i~` a value that is
attached or left out; `-#` is a number for an option, and `*` any other option behind the first
operand. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from opsmcp_pipelines.shell.programs import names

__all__ = ["Program", "find_program"]

_OPTION = re.compile(r"(-[^=~]*|\*)(=.*|~)?")

_ANYHOW = names(
    """
    [ arch atq base32 base64 basename bzcat cat cksum cmp column comm cut df diff dig dirname
    du echo egrep expand expr factor false fgrep fmt fold free getconf getent getfacl grep
    groups head hexdump host id iostat ipcs jobs join last locale ls lsattr lsblk lscpu lsipc
    lslocks lslogins lsmem lsmod lsns lspci lsusb lvdisplay lvs md5sum mountpoint mpstat namei
    nl nproc nslookup numfmt od paste pathchk pg_isready pgrep pidof pmap printenv printf ps
    pstree pvdisplay pvs pwd pwdx readlink realpath rev seq sha1sum sha224sum sha256sum
    sha384sum sha512sum sleep stat strings sum tac tail test tr traceroute tracepath true tty
    type uname unexpand uptime users vgdisplay vgs vmstat w wc which who whoami whois xzcat
    zcat zgrep zipinfo zstdcat :
    """
)
"""However they are called, they change nothing but what they print."""

_SHELLS_OWN = names("break cd continue exit getopts read return set shift shopt wait")
"""Commands of the shell that change nothing but the script's own state."""

_KUBECTL = (
    "-n= --namespace= --context= --cluster= --kubeconfig= --user= --as= -s= --server= --token= "
    "--request-timeout= -o= --output= -l= --selector= --field-selector= -A --all-namespaces "
    "--no-headers --show-labels --sort-by= -w --watch --ignore-not-found --chunk-size= --raw= "
    "-c= --container= --all-containers --prefix --tail= --since= --since-time= -p --previous "
    "--timestamps --limit-bytes= --containers --show-events --for= --timeout= --types= --client "
    "--short --revision= --use-protocol-buffers --api-group= --namespaced --verbs= --recursive "
    "--minify --flatten --sum -L= --label-columns= --template= --insecure-skip-tls-verify -R -f= "
    "--max-log-requests= --pod-running-timeout= --all-pods"
)
_KUBECTL_READS = (
    r"(?:get|describe|logs?|top|explain|api-resources|api-versions|version|events|wait)(?: .*)?"
    r"|config (?:view|get-contexts|current-context|get-clusters)|auth (?:can-i|whoami)(?: .*)?"
    r"|rollout (?:status|history)(?: .*)?|cluster-info"
)
_DOCKER_READS = (
    r"(?:ps|images|inspect|logs|stats|top|port|version|info|diff|history|search)(?: .*)?"
    r"|container (?:ls|list|inspect|logs|stats|top|port|diff)(?: .*)?"
    r"|image (?:ls|list|inspect|history)(?: .*)?"
    r"|(?:network|volume|context|node|service|stack) (?:ls|list|inspect|ps)(?: .*)?"
    r"|system (?:df|info)(?: .*)?|compose (?:ps|logs|ls|images|top|version)(?: .*)?"
)
_SYSTEMCTL = (
    "--no-pager --user --system -q --quiet -l --full -a --all -t= --type= --state= --failed "
    "--no-legend --plain -n= --lines= -o= --output= -p= --property= --value --reverse --after "
    "--before --legend= --no-full"
)
_REDIS_READS = (
    r"(?i:info|ping|get|mget|strlen|exists|type|ttl|pttl|llen|lrange|lindex|hget|hgetall|hkeys|hlen"
    r"|hmget|scard|smembers|sismember|zcard|zrange|zscore|xlen|xinfo|dbsize|lastsave|role|time|scan"
    r"|memory (?:usage|stats|doctor)|slowlog (?:get|len)|client list|config get"
    r"|cluster (?:info|nodes|slots)|latency (?:latest|history|doctor))(?: .*)?"
)
_OPENSSL = (
    "-connect= -servername= -showcerts -noout -text -in= -enddate -startdate -dates -subject "
    "-issuer -fingerprint -serial -checkend= -inform= -CAfile= -CApath= -verify= -brief -tls1_2 "
    "-tls1_3 -starttls= -sha256 -ext= -nameopt= -purpose -untrusted= -alpn= -status -quiet"
)
_GIT = (
    "-C= --git-dir= --work-tree= --no-pager -n= -# --oneline --stat --since= --until= --author= "
    "--format= --pretty= --decorate --graph -p --name-only --name-status --short -s -b --porcelain "
    "--abbrev-ref --show-toplevel --tags --always --heads --all --numstat --no-color --merges "
    "--first-parent --reverse --max-count= --cached --staged --count -v --no-merges"
)
_FIND = (
    "-H -L -P -name= -iname= -path= -ipath= -regex= -iregex= -type= -xtype= -size= -mtime= -mmin= "
    "-atime= -amin= -ctime= -cmin= -newer= -newermt= -user= -group= -uid= -gid= -perm= -links= "
    "-inum= -fstype= -maxdepth= -mindepth= -xdev -mount -depth -daystart -empty -nouser -nogroup "
    "-readable -writable -executable -prune -quit -print -print0 -printf= -ls -not -a -o -and -or "
    "-regextype= -follow -noleaf -true -false -samefile= -used= -lname= -ignore_readdir_race"
)
_CURL = (
    "-s -S -f -L -k -i -I -v -g -G -4 -6 -N --silent --show-error --fail --fail-with-body "
    "--location --insecure --include --head --verbose --get -m= --max-time= --connect-timeout= "
    "--retry= --retry-delay= --retry-connrefused -H= --header= -A= --user-agent= -u= --user= "
    "--compressed -w= --write-out= --http1.1 --http2 --cacert= --cert= --key= --resolve= "
    "--connect-to= --noproxy= -x= --proxy= --unix-socket= -e= --referer= "
    "-o=/dev/null|- --output=/dev/null|- -X=GET|HEAD --request=GET|HEAD --no-progress-meter"
)
_HTTP = r"(?:(?:https?://)?(?:(?!://)\S)+(?: |$))*"
_JOURNALCTL = (
    "-u= -n= -x -b~ -k -p= -o= -r -S= -U= -t= -g= -q -a -l -e -# --unit= --user-unit= --lines= "
    "--since= --until= --priority= --no-pager --output= --grep= --boot --boot= --dmesg --reverse "
    "--disk-usage --list-boots --identifier= --system --user --utc --no-hostname --no-full --full "
    "--all --quiet --catalog --case-sensitive= --header --output-fields="
)
_PSQL = (
    "-h= -p= -U= -d= -A -t -X -q -w -x -F= -R= -P= -v= --csv --no-align --tuples-only --no-psqlrc "
    "--host= --port= --username= --dbname= --quiet --pset= --no-password --expanded -c= --command="
)
_MYSQL = (
    "-h= -P= -u= -p~ -N -B -s -D= -t -r -E -S= --host= --port= --user= --password= --batch "
    "--skip-column-names --silent --table --defaults-extra-file= --defaults-file= --database= "
    "--connect-timeout= --protocol= --raw --vertical --socket= -e= --execute="
)
_KAFKA = "--list --describe --bootstrap-server= --command-config= --topic= --group= --all-groups"
_IP_SHOWN = "address|addr|a|link|l|route|r|rule|neighbour|neighbor|neigh|n|netns|maddress|maddr"


@dataclass(frozen=True, slots=True)
class Program:
    """How a program may be called so that it only reads.

    `options` are the good ones, with what follows them; None: any. `operands` is a pattern for all
    operands, joined by blanks; None: any. One of `needs` must be among the options. `by_words`:
    operands choose what it does, so an option that a value might hide chooses nothing more.
    `asks` another service, which may do what it likes when it is asked. `queries` are the options
    that hold SQL.
    """

    options: Mapping[str, str] | None = None
    operands: str | None = None
    needs: frozenset[str] = frozenset()
    by_words: bool = False
    asks: bool = False
    queries: frozenset[str] = frozenset()


def _program(
    options: str,
    operands: str | None = None,
    *,
    needs: str = "",
    by_words: bool = False,
    asks: bool = False,
    queries: str = "",
) -> Program:
    named = frozenset(needs.split()), frozenset(queries.split())
    return Program(_parsed(options), operands, named[0], by_words, asks, named[1])


def _parsed(options: str) -> Mapping[str, str]:
    """Each option to what follows it: nothing, `=`, `~`, or the values that are good."""
    pairs = map(_OPTION.fullmatch, options.split())
    return {pair[1]: pair[2] or "" for pair in pairs if pair}


def _client(options: str, operands: str) -> Program:
    return _program(options, operands, by_words=True)


def _rows() -> dict[str, Program]:
    docker = _client("* -H= --host= -f= -p= --context= --project-name= --file=", _DOCKER_READS)
    kubectl = _client(_KUBECTL, _KUBECTL_READS)
    mysql = _program(_MYSQL, r"\S*", needs="-e --execute", queries="-e --execute")
    iptables = _program(
        "-L -S -n -v -x -t= -w --line-numbers --list --list-rules --numeric",
        r"\S*",
        needs="-L -S --list --list-rules",
    )
    yum = _client(
        "-q -a --installed -C", r"(?:list|info|search|repolist|check-update|provides)(?: .*)?"
    )
    return {
        "apachectl": _client("-S -t -v", r"configtest|status|"),
        "apt": _client("-a --installed --upgradable -q", r"(?:list|show|search|policy)(?: .*)?"),
        "apt-cache": _client("-q -n", r"(?:policy|show|search|depends|madison|showpkg)(?: .*)?"),
        "arp": _program("-a -n -e"),
        "aws": _client(
            "* --region= --profile= --output= --query= --endpoint-url=",
            r"[a-z0-9-]+ (?:describe|list)-[a-z-]+(?: .*)?|s3 ls(?: .*)?|sts get-caller-identity",
        ),
        "chage": _program("-l", needs="-l"),
        "chronyc": _client("-n", r"(?:tracking|sources|sourcestats|activity)(?: .*)?"),
        "crictl": _client(
            "*", r"(?:ps|pods|images|inspect|inspectp|logs|stats|info|version)(?: .*)?"
        ),
        "crontab": _program("-l -u=", "", needs="-l"),
        "curl": _program(_CURL, _HTTP, asks=True),
        "date": _program("-u -d= -R -r= -I~ --date= --utc --iso-8601~ --rfc-3339=", r"(?:\+.*)?"),
        "dmesg": _program(
            "-T -H -x -k -u -r -l= -f= --level= --facility= --ctime --human --since= --until=",
            "",
        ),
        "dnf": yum,
        "docker": docker,
        "dpkg": _program("-l -L -s -S --list --listfiles --status --search --get-selections"),
        "dpkg-query": _program("-l -L -s -S -W -f= --list --listfiles --status --search --show"),
        "etcdctl": _client(
            "--endpoints= --cacert= --cert= --key= -w= --write-out= --prefix --keys-only --limit=",
            r"(?:get|endpoint (?:health|status)|member list|alarm list|version)(?: .*)?",
        ),
        "ethtool": _program("-i -S -k -g -c -a -l -m -T -P", r"\S+"),
        "exportfs": _program("-v -s", ""),
        "file": _program("-b -i -L -z"),
        "find": _program(_FIND),
        "findmnt": _program("-l -n -t= -o= -D -T= --target= -J --json --df -r -b"),
        "firewall-cmd": _program(
            "--state --list-all --list-ports --list-services --get-active-zones --zone=",
            "",
        ),
        "fuser": _program("-v -m -n= -u -4 -6"),
        "git": _client(
            _GIT,
            r"(?:log|status|show|diff|rev-parse|describe|ls-files|ls-remote|rev-list|shortlog"
            r"|blame)(?: .*)?|remote",
        ),
        "haproxy": _program("-c -v -f=", "", needs="-c -v"),
        "helm": _client(
            "-n= --namespace= --kube-context= --kubeconfig= -A --all-namespaces -a --all -o= "
            "--output= --max= --revision= -q --short --deployed --failed --pending --filter=",
            r"(?:list|ls|status|history|get|version|search|show)(?: .*)?",
        ),
        "hostname": _program("-f -i -I -s -d -A --fqdn --short --all-ip-addresses", ""),
        "hostnamectl": _client("--static --no-pager --json=", r"status|"),
        "ifconfig": _program("-a -s", r"\S*"),
        "ip": _client(
            "-4 -6 -br -brief -s -d -o -j -p -c -color -details -stats -statistics -json -n=",
            rf"(?:{_IP_SHOWN})(?: (?:show|list|ls)(?: .*)?)?|(?:route|r) get(?: .*)?",
        ),
        "ip6tables": iptables,
        "iptables": iptables,
        "iptables-save": _program("-t= -c", ""),
        "journalctl": _program(_JOURNALCTL),
        "jq": _program(
            "-r -c -e -n -s -R -M -C -S -j -a --raw-output --compact-output --exit-status --slurp "
            "--null-input --raw-input --arg= --argjson= --sort-keys --join-output --tab --indent="
        ),
        "kafka-consumer-groups.sh": _program(
            f"{_KAFKA} --members --state", "", needs="--list --describe"
        ),
        "kafka-topics.sh": _program(
            f"{_KAFKA} --under-replicated-partitions --unavailable-partitions",
            "",
            needs="--list --describe",
        ),
        "kubectl": kubectl,
        "lastlog": _program("-b= -t= -u="),
        "loginctl": _client(
            "--no-pager --no-legend",
            r"(?:(?:list-sessions|list-users|show-session|session-status)(?: .*)?)?",
        ),
        "lsof": _program("-i~ -n -P -t -p= -u= -c= -s~ -a -l -w -F~ -d= -U"),
        "mariadb": mysql,
        "mdadm": _program(
            "--detail -D --examine -E --query -Q --scan -s -v",
            needs="--detail -D --examine -E --query -Q",
        ),
        "mount": _program("-l -t= -v", ""),
        "mtr": _program(
            "-r -c= -n -w -b -T -u -P= --report --report-wide --report-cycles= --no-dns"
        ),
        "multipath": _program("-l -v=", needs="-l"),
        "mysql": mysql,
        "mysqladmin": _client(
            f"{_MYSQL} -i=", r"(?:status|ping|processlist|version|extended-status|variables)"
        ),
        "nc": _program("-z -v -w= -n -u -4 -6", needs="-z"),
        "nerdctl": docker,
        "netstat": _program("-t -u -l -n -p -a -r -s -i -e -o -W -x -4 -6"),
        "nft": _client("-a -n -j -s", r"list(?: .*)?"),
        "nginx": _program("-t -T -q -v -V -c=", "", needs="-t -T -v -V"),
        "npu-smi": _client("*", r"info(?: .*)?"),
        "ntpq": _program("-p -n", needs="-p"),
        "nvidia-smi": _program(
            "-q -L -i= -d= --query --list-gpus --id= --display= --query-gpu= --format= "
            "--query-compute-apps= --query-apps=",
            r"(?:topo)?",
        ),
        "oc": kubectl,
        "openssl": _program(_OPENSSL, r"(?:s_client|x509|version|verify|crl|ciphers)(?: .*)?"),
        "pidstat": _program("-u -r -d -w -t -h -p= -C= -H"),
        "ping": _program("-c= -W= -w= -i= -q -n -4 -6 -I= -s="),
        "pip": _client("-q", r"(?:list|show|freeze|check)(?: .*)?"),
        "podman": docker,
        "psql": _program(_PSQL, r"\S*(?: \S*)?", needs="-c --command", queries="-c --command"),
        "rabbitmqctl": _client(
            "-n= -p= -q -s --formatter= --vhost= --node=",
            r"(?:list_[a-z_]+|status|cluster_status|ping|environment)(?: .*)?",
        ),
        "redis-cli": _client(
            "-h= -p= -n= -a= -u= -c --no-auth-warning --raw --no-raw --tls --cacert=", _REDIS_READS
        ),
        "route": _program("-n", ""),
        "rpm": _program("-q -a -i -l -f -c -d -p -R -V --last", needs="-q -V"),
        "sar": _program("-u -r -q -b -B -W -S -d -n= -P= -f= -s= -e= -A"),
        "service": _client("--status-all", r"\S+ status|"),
        "showmount": _program("-e -a -d --no-headers"),
        "smartctl": _program("-a -i -H -A -x -l= -d= --all --info --health --attributes"),
        "sort": _program(
            "-n -r -k= -t= -u -h -f -V -s -b -g -i -M -R -c -m -z -d --key= --reverse "
            "--numeric-sort --unique --human-numeric-sort --version-sort --field-separator="
        ),
        "ss": _program(
            "-t -u -l -n -p -a -s -x -i -m -e -o -4 -6 -w -O -H -r -Z -N= --tcp --udp --listening "
            "--numeric --processes --all --summary --no-header --extended --info --memory"
        ),
        "swapon": _program(
            "-s --show~ --summary --noheadings --bytes", "", needs="-s --show --summary"
        ),
        "sysctl": _program("-n -a -e -b --values --all", r"[\w./ -]*"),
        "systemctl": _client(
            _SYSTEMCTL,
            r"(?:status|is-active|is-enabled|is-failed|is-system-running|list-units|list-unit-files"
            r"|list-timers|list-sockets|list-dependencies|list-jobs|show|cat|get-default)(?: .*)?|",
        ),
        "tar": _program("-t -z -j -J -v -f= --list --file= --gzip --verbose", needs="-t --list"),
        "tc": _client("-s -d -p", r"(?:qdisc|class|filter)(?: (?:show|ls|list)(?: .*)?)?"),
        "timedatectl": _client("--no-pager", r"(?:status|show|timesync-status|list-timezones)?"),
        "top": _program("-b -n= -o= -p= -c -H -w~ -u= -d= -l= -s= -i -E= -e="),
        "tree": _program("-a -d -L= -f -h -s -D -p -u -g -i -I= -P= --du --dirsfirst -C -n -x"),
        "ufw": _client("", r"status(?: verbose| numbered)?"),
        "uniq": _program("-c -d -u -i -f= -s= -w= --count --repeated --unique", r"\S*"),
        "unzip": _program("-l -v -q", needs="-l"),
        "vault": _client("-address=", r"status"),
        "wget": _program(
            "-q -S --spider -O=-|/dev/null --output-document=-|/dev/null -T= --timeout= -t= "
            "--tries= --no-check-certificate --header= --quiet -nv --server-response",
            needs="--spider -O --output-document",
            asks=True,
        ),
        "yq": _program("-r -o= -P -e -N -M -C -p= -j -c --raw-output --output-format="),
        "yum": yum,
        "zfs": _client("-H -o= -t= -r -p -s=", r"(?:list|get)(?: .*)?"),
        "zpool": _client("-H -o= -v -x -p", r"(?:status|list|iostat|get|history)(?: .*)?"),
    }


@cache
def _table() -> Mapping[str, Program]:
    anyhow = Program()
    return {**dict.fromkeys(_ANYHOW | _SHELLS_OWN, anyhow), **_rows()}


def find_program(name: str) -> Program | None:
    """What is known of a program of that name; None when nothing is."""
    return _table().get(name)
