"""A value is no option of a program that options make run something, whole or in parts."""

import pytest

from opsmcp_pipelines.embedded.engine.render import render_step
from opsmcp_pipelines.shell.references import RefusedStep

LIST = "w.invalid,-oProxyCommand=/tmp/mk"
REFUSED = "a part of the value of 'x' could be an option|could become several words"
IN_PARTS = [
    'for h in $(echo "${x}" | tr , " "); do ssh "$h" uptime; done',
    "IFS=,; list=${x}; tar xf a $list",
    '#!/bin/bash\nIFS=, read -ra hs <<< ${x}; for h in "${hs[@]}"; do ssh "$h" uptime; done',
    'h=${x}; ssh "${h#*,}" uptime',
    'ssh "$(echo ${x} | cut -d, -f2)" uptime',
    'h=$(sed "s/.*,//" <<< ${x}); ssh "$h" uptime',
    "for f in $(tr , ' ' <<< ${x}); do find $f; done",
    'echo ${x} | tr , "\\n" | while read h; do scp a "$h":; done',
    'while read -d, h; do ssh "$h" uptime; done <<< ${x}',
    'f() { for h in $1; do ssh "$h" uptime; done; }; IFS=,; f ${x}',
    "f() { for h; do ssh $h uptime; done; }; IFS=,; f ${x}",
    "echo ${x} | tr , '\\n' | xargs -I{} ssh {} uptime",
    "echo ${x} | tr , '\\n' | xargs tar xf a",
    '#!/bin/bash\nv=${x}; a=(${v//,/ }); ssh "${a[1]}" uptime',
    "h=${x}; ssh root@$h uptime",
    "for h in $(echo ${x} | tr , ' '); do timeout --kill-after 1 5 ssh $h uptime; done",
]


@pytest.mark.parametrize("content", IN_PARTS)
def test_a_part_of_a_value_is_no_option(content: str) -> None:
    with pytest.raises(RefusedStep, match=REFUSED):
        render_step(content, {"x": LIST}, {})
    with pytest.raises(RefusedStep, match=REFUSED):
        render_step(content, {"x": "a -oProxyCommand=mk"}, {})


@pytest.mark.parametrize(
    ("content", "plain", "bad"),
    [
        ("t=${x}; timeout $t ls", "5", "5 reboot"),
        ("h=${x}; ssh $h uptime", "root@web-1", "h reboot"),
        ("u=${x}; sudo -u $u ls", "app", "root reboot"),
        ("p=${x}; kubectl exec $p -- ls", "pod/web-1", "p -- reboot"),
        ("c=${x}; docker exec $c ls", "web", "c reboot"),
        ("for h in ${x}; do ssh $h uptime; done", "web-1", "h reboot"),
        ("ssh $(echo ${x}) uptime", "web-1", "h reboot"),
        ("IFS=,; h=${x}; ssh $h uptime", "web-1", "h,reboot"),
        ("l=${x}; for h in $l; do ssh $h uptime; done", "web-1 web-2", "a -oProxyCommand=mk"),
    ],
)
def test_no_second_word_of_a_value_is_the_command(content: str, plain: str, bad: str) -> None:
    render_step(content, {"x": plain}, {})
    with pytest.raises(RefusedStep):
        render_step(content, {"x": bad}, {})


@pytest.mark.parametrize(
    "content",
    [
        'h=${x}; ssh "${h#web}" uptime',
        'h=$(echo ${x} | cut -c4-); ssh "$h" uptime',
        'h=$(echo ${x} | tr w " "); ssh $h uptime',
        "IFS=b; h=${x}; tar xf a $h",
        'h=${x}; ssh "${h:3}" uptime',
    ],
)
def test_what_is_left_when_the_beginning_is_cut_off_is_no_option(content: str) -> None:
    render_step(content, {"x": "web1"}, {})
    with pytest.raises(RefusedStep, match="it holds a dash$"):
        render_step(content, {"x": "web-oProxyCommand=mk"}, {})


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ('tar xf a "${x}"/hosts', "--to-command=mk"),
        ("tar xf a ''${x}", "--to-command=mk"),
        ("find ${x}/log -delete", "-exec"),
        ('rsync -a f "${x}":/tmp', "-emk;"),
        ("curl ${x}", "-K/tmp/rc"),
        ("wget ${x}", "--use-askpass=mk"),
        ("vim ${x}", "+!mk"),
        ("tar xf a -${x}", "-to-command=mk"),
        ("tar xf a --${x}", "to-command=mk"),
        ("tar -v${x} a", "Imk"),
    ],
)
def test_a_word_that_begins_with_a_value_is_no_option(content: str, value: str) -> None:
    with pytest.raises(RefusedStep, match="could be an option|of an option"):
        render_step(content, {"x": value}, {})


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ('for h in $(echo "${x}" | tr , " "); do ssh "$h" uptime; done', "web-1,web-2"),
        ("h=${x}; ssh $h uptime", "web-1"),
        ("ssh root@${x} uptime", "-1"),
        ('h=${x}; ssh "root@$h" uptime', "a -b"),
        ('u=${x}; curl "$u"', "https://h/-/health"),
        ('get() { curl -fs "$1"; }; get ${x}', "https://h/-/health"),
        ('git commit -m "${x}"', "up - and down"),
        ('m=${x}; git commit -m "fix: $m"', "- now"),
        ("ssh -p${x} h uptime", "22"),
        ("ssh -l${x} h uptime", "-"),
        ("tar --directory=${x} -xf a", "/a -b"),
        ("rsync -avze ssh /a ${x}:/b", "web-1"),
        ("tar -C${x} -xf a", "1"),
        ("echo ${x} | tr , '\\n' | xargs -n1 kubectl delete pod", "a,-b"),
    ],
)
def test_what_can_be_no_option_is_taken(content: str, value: str) -> None:
    assert render_step(content, {"x": value}, {}).environ == {"OPSMCP_V1": value}
