from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.ssh.marked_output import MarkedOutput

MARK = b"opsmcp-0123456789abcdef"


def read(*chunks: bytes) -> tuple[MarkedOutput, bytes]:
    printed = bytearray()
    output = MarkedOutput(MARK, printed.extend)
    for chunk in chunks:
        output.add(chunk)
    output.close()
    return output, bytes(printed)


@given(
    noise=st.binary(max_size=40),
    body=st.binary(max_size=80),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_what_a_script_prints_arrives_whole_however_it_is_cut(
    noise: bytes, body: bytes, cuts: list[int]
) -> None:
    sent = noise + MARK + b" ready\n" + body + MARK + b" end 3 left\n"
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    output, printed = read(*(sent[a:b] for a, b in zip(places, places[1:], strict=False)))
    assert printed == body
    assert output.end is not None
    assert (output.end.code, output.end.left) == (3, True)


def test_without_an_end_all_that_came_is_output() -> None:
    output, printed = read(MARK + b" ready\n", b"one\n", b"\nopsmcp-0")
    assert printed == b"one\n\nopsmcp-0"
    assert output.end is None


def test_a_mark_of_somebody_else_is_output() -> None:
    other = b"opsmcp-fedcba9876543210 end 0 \nopsmcp-0123456789abcdef end x\n"
    output, printed = read(MARK + b" ready\n" + other)
    assert printed == other
    assert output.end is None


def test_a_refusal_of_the_far_side_is_read_and_nothing_after_it() -> None:
    output, printed = read(b"Welcome\n" + MARK + b" refused session\n", b"more")
    assert output.refused == "session"
    assert not output.ready
    assert printed == b""


def test_noise_without_end_is_not_kept() -> None:
    output, printed = read(*[b"x" * 65536] * 50, MARK + b" ready\n")
    assert output.ready
    assert printed == b""


def test_what_a_script_prints_is_passed_on_at_once() -> None:
    printed = bytearray()
    output = MarkedOutput(MARK, printed.extend)
    output.add(MARK + b" ready\nbegun\n")
    assert printed == b"begun\n"


def test_the_end_of_what_a_login_prints_is_kept_where_it_never_got_to_a_script() -> None:
    output, printed = read(b"x" * 1000 + b"\n", b"This account is not available.\n")
    assert output.noise.endswith(b"\nThis account is not available.\n")
    assert len(output.noise) <= 256
    assert printed == b""
    assert read(MARK + b" ready\n", b"out")[0].noise == b""
