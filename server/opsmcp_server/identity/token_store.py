"""The personal tokens of a running server: looked up here, and looked after in their files.

The files are looked at once a second, so that a token that was revoked is refused within a second.
A file that breaks while the server runs changes nothing: what was good last still counts.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import anyio
from anyio import to_thread

from opsmcp_pipelines.regular_files import Signature
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.identity.access import PrincipalToken
from opsmcp_server.identity.personal_token import PersonalToken, split_token
from opsmcp_server.identity.refusal import Reason, Refused
from opsmcp_server.identity.token_files import (
    TokensUnusable,
    read_tokens,
    sign_tokens,
    token_file,
    uses_file,
)
from opsmcp_tools.journal.state_file import StateFileUnusable

__all__ = ["TokenStore"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
_COMPLAIN_SECONDS = 60.0


class _File:
    """One file of tokens, with what was good in it last."""

    def __init__(self, path: Path, *, is_own: bool) -> None:
        self.path = path
        self.tokens: Mapping[str, PersonalToken] = {}
        self._is_own = is_own
        self._signature: Signature | None = None

    def look(self) -> "_Look":
        """What stands in it now; read only if it is another file than before.

        Raises:
            TokensUnusable: It cannot be read.
        """
        signature = sign_tokens(self.path)
        if signature is None and not self._is_own:
            raise TokensUnusable(f"the tokens in {self.path} cannot be read: there is no such file")
        same = signature == self._signature
        return _Look(self, signature, self.tokens if same else read_tokens(self.path), not same)

    def keep(self, look: "_Look") -> None:
        """What was looked at counts from here on."""
        self.tokens, self._signature = look.tokens, look.signature


class _Look(NamedTuple):
    file: _File
    signature: Signature | None
    tokens: Mapping[str, PersonalToken]
    is_new: bool


class TokenStore:
    """The tokens of both files."""

    def __init__(self, state_dir: Path, tokens_file: Path | None) -> None:
        """Read both.

        Raises:
            ConfigError: One cannot be read, or both hold one id.
        """
        own = _File(token_file(state_dir).path, is_own=True)
        self._files = [own, *([_File(tokens_file, is_own=False)] if tokens_file else [])]
        self._uses, self._used = uses_file(state_dir), dict[str, str]()
        self._written: dict[str, str] = {}
        self._complained = -_COMPLAIN_SECONDS
        self._is_in_use = tokens_file is not None
        self.is_read = True
        """Whether both files could be read when they were last looked at."""
        try:
            self._look()
        except TokensUnusable as error:
            raise ConfigError(str(error)) from error

    @property
    def is_in_use(self) -> bool:
        """Whether there are tokens, or ever were any since the start: then one is needed."""
        return self._is_in_use

    def check(self, text: str) -> PrincipalToken:
        """The principal of a token.

        Raises:
            Refused: It is none, or good no more.
        """
        parts = split_token(text)
        if parts is None:
            raise Refused(Reason.MALFORMED, "a personal token that was cut or changed")
        number, secret = parts
        found = self._find(number)
        if found is None or not found.is_of(secret):
            raise Refused(Reason.UNKNOWN_TOKEN, f"token {number}")
        now, who = datetime.now(UTC), found.principal
        if found.revoked is not None:
            raise Refused(Reason.REVOKED, f"token {number}", who=who)
        if found.is_over(now):
            raise Refused(Reason.EXPIRED, f"token {number}", who=who)
        self._used[number] = f"{now:%Y-%m-%dT%H}"
        return PrincipalToken(
            token=f"token {number}",
            client_id="token",
            scopes=list(found.scopes),
            subject=found.principal.id,
            claims={"iss": "opsmcp"},
            principal=found.principal,
            auth=f"token:{number}",
        )

    def is_good(self, token: PrincipalToken) -> bool:
        """Whether a token that was good still is, for as long as a stream of it is open."""
        found = self._find(token.token.removeprefix("token "))
        return found is not None and found.revoked is None and not found.is_over(datetime.now(UTC))

    def _find(self, number: str) -> PersonalToken | None:
        return next((file.tokens[number] for file in self._files if number in file.tokens), None)

    async def run(self, looked: Callable[[], None]) -> None:
        """Look at the files until cancelled; `looked` is called after each look."""
        while True:
            await anyio.sleep(LOOK_SECONDS)
            await to_thread.run_sync(self._look_again)
            looked()

    def _look_again(self) -> None:
        try:
            self._look()
            self.is_read = True
            self._keep_uses()
        except (TokensUnusable, StateFileUnusable) as error:
            self.is_read &= isinstance(error, StateFileUnusable)
            if monotonic() - self._complained >= _COMPLAIN_SECONDS:
                self._complained = monotonic()
                logger.error("%s; those that were good last still count", error)  # noqa: TRY400

    def _look(self) -> None:
        looks = [file.look() for file in self._files]
        if not any(look.is_new for look in looks):
            return
        first, *more = looks
        for look in more:
            if twice := sorted(set(look.tokens) & set(first.tokens)):
                raise TokensUnusable(
                    f"the token {twice[0]} stands in {first.file.path} and in {look.file.path}"
                )
        for look in looks:
            look.file.keep(look)
        self._is_in_use = self._is_in_use or first.signature is not None
        logger.info("%d personal tokens are known", sum(len(look.tokens) for look in looks))

    def _keep_uses(self) -> None:
        if self._used == self._written or not self._used:
            return
        used = dict(self._used)
        with self._uses.updating() as kept:
            kept["uses"] = {**kept.get("uses", {}), **used}
        self._written = used
