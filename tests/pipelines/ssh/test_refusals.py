import pytest

from opsmcp_pipelines.ssh.refusals import Reason, cause_line, key_place, read_refusal, said_refusal

JUMP = """ssh: connect to host 10.0.0.1 port 22: Connection refused
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535"""


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Host key verification failed.", Reason.HOST_KEY_UNKNOWN),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            Reason.HOST_KEY_CHANGED,
        ),
        ("root@web1: Permission denied (publickey,password).", Reason.AUTH),
        ("Received disconnect from 10.0.0.1: Too many authentication failures", Reason.AUTH),
        ("ssh: connect to host web1 port 22: Connection refused", Reason.UNREACHABLE),
        ("ssh: connect to host web1 port 22: Connection timed out", Reason.UNREACHABLE),
        ("ssh: Could not resolve hostname web1: Name or service not known", Reason.UNREACHABLE),
        ("ssh: connect to host web1 port 22: No route to host", Reason.UNREACHABLE),
        (
            "Connection timed out during banner exchange\nConnection to ::1 port 22 timed out",
            Reason.UNREACHABLE,
        ),
        (JUMP, Reason.UNREACHABLE),
        ("kex_exchange_identification: Connection closed by remote host", Reason.CLOSED),
        ("kex_exchange_identification: read: Connection reset by peer", Reason.CLOSED),
        ("Connection closed by 127.0.0.1 port 22", Reason.CLOSED),
        ("mux_client_request_session: read from master failed: Broken pipe", Reason.CLOSED),
        ("unix_listener: cannot bind to path /tmp/x: Permission denied", Reason.CLOSED),
        ("sudo: a password is required", Reason.SUDO),
        ("sh: 1: exec: sudo: not found", Reason.SUDO),
        ("bash: line 1: exec: sudo: not found", Reason.SUDO),
        ("command-line: line 0: Bad configuration option: x", Reason.OTHER),
        ("Authorized use only. Permission denied to others.", Reason.OTHER),
        ("", Reason.OTHER),
    ],
)
def test_what_ssh_says_has_a_reason(message: str, reason: Reason) -> None:
    assert read_refusal(message) is reason


def test_only_a_closed_connection_is_worth_another_try() -> None:
    assert [reason for reason in Reason if reason.may_pass] == [Reason.CLOSED]


def test_what_the_far_side_says_has_a_reason() -> None:
    assert said_refusal("interpreter") is Reason.INTERPRETER
    assert said_refusal("something") is Reason.OTHER


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (
            "Offending ED25519 key in /home/me/.ssh/known_hosts:12\r\n  remove it",
            "/home/me/.ssh/known_hosts:12",
        ),
        ("Offending key for IP in /etc/ssh/ssh_known_hosts:3", "/etc/ssh/ssh_known_hosts:3"),
        ("Offending RSA key in /x\x1b[2J:1", ""),
        ("Host key verification failed.", ""),
    ],
)
def test_where_the_key_stands_that_a_host_had_before_is_told_as_ssh_says_it(
    message: str, place: str
) -> None:
    assert key_place(message, 100) == place


def test_of_a_jump_host_that_is_down_it_is_said_what_ended_the_connection() -> None:
    unreachable = Reason.UNREACHABLE
    assert cause_line(unreachable, JUMP, 100) == "its jump host or proxy: Connection refused"
    alone = JUMP.partition("\n")[0]
    assert cause_line(unreachable, alone, 100) == "Connection refused"


def test_what_has_no_known_reason_is_shown_with_the_place_that_it_names() -> None:
    said = "welcome\nconfig: line 3: Bad option: x\x1b[2J\nconfig: terminating, 1 bad option"
    shown = "config: line 3: Bad option: x[2J; config: terminating, 1 bad option"
    assert cause_line(Reason.OTHER, said, 100) == shown
