"""What is said about a file, without anybody to say it to."""

import hashlib
import os

from opsmcp_pipelines.ssh.file_talk import Pull


async def test_what_is_fetched_in_small_pieces_is_written_in_large_parts() -> None:
    content = os.urandom(1024 * 1024 + 5)
    parts: list[bytes] = []

    async def write(part: bytes) -> None:
        parts.append(part)

    pull = Pull(write, len(content), lambda _done, _size: None)
    pull.hear(f"file {len(content)} {hashlib.sha256(content).hexdigest()} 644\n".encode())
    for start in range(0, len(content), 8192):
        pull.hear(content[start : start + 8192])
        await pull.digest()
    assert pull.is_whole
    assert b"".join(parts) == content
    assert [len(part) for part in parts] == [256 * 1024] * 4 + [5]
