"""Whether a program of awk, of sed or in SQL only reads: what is not known to is not. Pure.

Sources: POSIX awk and sed, the manuals of gawk and GNU sed; SQL as PostgreSQL and MySQL have it.
"""

import re

from opsmcp_pipelines.shell.programs import names

__all__ = ["reads_awk", "reads_sed", "reads_sql"]

_LONGEST = 8 * 1024

_AWK_TEXT = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_AWK_PATTERN = re.compile(r"(^|[~(,!&|{};\n])(\s*)/(?:\\.|\[[^\]\n]*\]|[^/\\\n])+/")
_AWK_COMMENT = re.compile(r"#[^\n]*")
_AWK_CALL = re.compile(r"\b([A-Za-z_]\w*) ?\(")
_AWK_KEYWORDS = names("if while for in return print printf switch")
_AWK_FUNCTIONS = names(
    """
    length substr index split gsub sub match sprintf tolower toupper int sqrt exp log sin cos
    atan2 rand srand gensub strftime systime mktime asort asorti strtonum and or xor lshift
    rshift compl
    """
)
_AWK_PRINT = re.compile(r"\bprintf?\b([^;}\n]*)")


def reads_awk(program: str) -> bool:
    """Whether a program of awk writes nothing but its output and runs nothing."""
    if len(program) > _LONGEST:
        return False
    text = _AWK_COMMENT.sub("", _AWK_PATTERN.sub(r"\1\2 0 ", _AWK_TEXT.sub(" 0 ", program)))
    if '"' in text or "@" in text or "getline" in text or re.search(r"(?<!\|)\|(?!\|)", text):
        return False
    if re.search(r"\bsystem\b", text):
        return False
    defined: set[str] = set(re.findall(r"\bfunction\s+(\w+)", text))
    called: set[str] = set(_AWK_CALL.findall(text))
    if not called <= defined | _AWK_FUNCTIONS | _AWK_KEYWORDS:
        return False
    return not any(_is_redirected(match[1]) for match in _AWK_PRINT.finditer(text))


def _is_redirected(printed: str) -> bool:
    """Whether a `>` stands outside of all parentheses, where it names a file."""
    depth = 0
    for character in printed:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ">" and depth <= 0:
            return True
    return False


_SED_ADDRESS = r"(?:\d+(?:~\d+)?|\$|/(?:\\.|\[[^\]\n]*\]|[^/\\\n])*/I?)"
_SED_COMMAND = re.compile(
    rf"""\s*(?:{_SED_ADDRESS}(?:\s*,\s*(?:[+~]?\d+|{_SED_ADDRESS}))?)?\s*!?\s*
    (?: [pdqDPnNgGhHx=l{{}}]
      | s(?P<a>[/|\#,@:!%;+_])(?:\\.|(?!(?P=a))[^\\\n])*(?P=a)
        (?:\\.|(?!(?P=a))[^\\\n])*(?P=a)[gpIi0-9]*
      | y(?P<b>[/|\#,@:!])(?:\\.|(?!(?P=b))[^\\\n])*(?P=b)(?:\\.|(?!(?P=b))[^\\\n])*(?P=b)
    )\s*(?:[;\n]|(?=\}})|(?<=\{{)|$)""",
    re.VERBOSE,
)


def reads_sed(program: str) -> bool:
    """Whether a program of sed only prints: no `w`, no `e`, no file."""
    at = 0
    if not program.strip() or len(program) > _LONGEST:
        return False
    while program[at:].strip("; \n\t"):
        found = _SED_COMMAND.match(program, at)
        if found is None or found.end() == at:
            return False
        at = found.end()
    return True


_SQL_BEGINNINGS = names("select show explain describe desc with values table")
_SQL_TEXT = re.compile(r"'(?:''|[^'\\])*'|\"[^\"]*\"|`[^`]*`")
_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_SQL_CALL = re.compile(r"\b([a-z_][\w.]*)\s*\(", re.IGNORECASE)
_SQL_WORDS = names(
    """
    in and or not exists as from using on join where values over partition any all some when
    then else case with select union except intersect having by filter within group
    materialized lateral between like varchar char numeric decimal interval recursive
    """
)
_SQL_FUNCTIONS = names(
    """
    count sum min max avg round floor ceil ceiling abs coalesce nullif greatest least lower
    upper length char_length substr substring left right trim ltrim rtrim concat concat_ws
    replace split_part now current_timestamp localtime age date date_trunc date_part extract
    to_char to_timestamp cast timestampdiff datediff date_format unix_timestamp from_unixtime
    string_agg group_concat array_agg json_agg row_number rank dense_rank lag lead first_value
    last_value ntile percentile_cont stddev variance format if ifnull isnull version database
    current_database current_schema current_user pg_size_pretty pg_database_size
    pg_total_relation_size pg_relation_size pg_table_size pg_indexes_size pg_is_in_recovery
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
    pg_current_wal_lsn pg_wal_lsn_diff pg_postmaster_start_time pg_blocking_pids
    pg_get_indexdef pg_get_viewdef array_length unnest generate_series
    """
)
_SQL_CHANGES_ALL_THE_SAME = re.compile(
    r"\b(?:into|insert|update|delete|merge|truncate|drop|alter|create|grant|call|do|copy|lock|set)\b",
    re.IGNORECASE,
)
_SQL_META = re.compile(r"\\(?:l|dt|d|di|du|dn|dv|conninfo|dx|db|df)\+?(?: [\w.*]+)?")


def reads_sql(query: str) -> bool:
    """Whether every statement only reads, with functions that are known to."""
    if len(query) > _LONGEST:
        return False
    if _SQL_META.fullmatch(query.strip()):
        return True
    text = _SQL_COMMENT.sub(" ", _SQL_TEXT.sub(" x ", query))
    text = re.sub(r"\\[Gg]\b", ";", text)
    statements = [part.strip() for part in text.split(";")]
    return any(statements) and all(_reads_statement(part) for part in statements if part)


def _reads_statement(text: str) -> bool:
    words = text.lower().split()
    if words[0].rstrip("(") not in _SQL_BEGINNINGS or "'" in text or "\\" in text or "$$" in text:
        return False
    if words[0] == "show":
        return True
    if _SQL_CHANGES_ALL_THE_SAME.search(text) or "/*" in text:
        return False
    called = {name.lower() for name in _SQL_CALL.findall(text)}
    return called <= _SQL_FUNCTIONS | _SQL_WORDS
