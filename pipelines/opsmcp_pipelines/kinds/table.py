"""The table of kinds: one row each with its class, check, length, words and example.

Everything that knows a kind by name stands here: schema, refusal and analysis of scripts read the
row. A value of an inert kind (every kind but text) means nothing to a shell, SQL, awk, sed, JSON or
YAML and begins with no dash, so that no program takes it for an option. What is said of a kind
names no value, because a model that reads one may use it. Pure.

Sources: RFC 1123 (names of Kubernetes), github.com/distribution/reference (images), systemd.unit(5)
(units), deb-version(7) (packages and versions), git-check-ref-format(1) (refs), crontab(5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from urllib.parse import urlsplit

from opsmcp_pipelines.kinds.go_regex import matches
from opsmcp_pipelines.kinds.kind import Kind, ValueClass

__all__ = ["KINDS", "LABEL_NAME", "KindRow", "Wording", "canonical"]


@dataclass(frozen=True, slots=True)
class Wording:
    """The same words in English and in Chinese."""

    en: str
    zh: str


def _same(text: str) -> str | None:
    return text


@dataclass(frozen=True, slots=True)
class KindRow:
    """All there is to know about one kind.

    Attributes:
        value_class: Where its values may stand in a script.
        pattern: RE2 for the whole value.
        longest: Characters that a value may have.
        characters: A class of characters, wider than `pattern` and short, because schemas are paid
            for in every request; empty where the schema says it by other means.
        meaning: What a value is, in a few words, for schemas.
        allowed: What a value must be, for a refusal; it goes on "it must be".
        shapes: What a value looks like, where words do not show it, the usual first: with
            placeholders in angle brackets, so that no shape is itself a value.
        form: The canonical form of a value that matches; None when the standard library, which
            knows it better, does not take it.
    """

    value_class: ValueClass
    pattern: str
    longest: int
    characters: str
    meaning: Wording
    allowed: Wording
    shapes: tuple[str, ...] = ()
    form: Callable[[str], str | None] = _same


_NAME, _ADDRESS = ValueClass.NAME, ValueClass.ADDRESS
_LONGEST_NAME, _LONGEST, _LONGEST_URL, _LONGEST_TEXT = 253, 1024, 2048, 4096

_WORD = r"[A-Za-z0-9]+(?:(?:[.-]|_+)[A-Za-z0-9]+)*"
LABEL_NAME = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""RE2: an RFC 1123 label, as namespaces and services have."""
_HOST_PART = r"_?[A-Za-z0-9]+(?:(?:-+|_+)[A-Za-z0-9]+)*"
_HOST = rf"{_HOST_PART}(?:\.{_HOST_PART})*"
_PATH_PART = r"\.?[A-Za-z0-9_]+(?:(?:[.+~]|@\.?|-+)[A-Za-z0-9_]+)*"
_PATH = rf"/(?:{_PATH_PART}(?:/{_PATH_PART})*/?)?"
_DURATION_PART = r"[0-9]{1,9}(?:ns|us|ms|s|m|h|d|w)"
_USER = r"[a-z_][a-z0-9_]*(?:[.-][a-z0-9_]+)*"
_DIGITS = r"[0-9]+(?:\.[0-9]+)*"
_PACKAGE_PART = rf"(?:[A-Za-z_]|{_DIGITS})"
_IMAGE_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_IMAGE = (
    rf"(?:oci://)?(?:{_IMAGE_HOST}/)?{_IMAGE_PART}(?:/{_IMAGE_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_KEY = r"(?:[a-z0-9]+(?:[.-][a-z0-9]+)*/)?[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*"
_REQUIREMENT = rf"(?:!?{_KEY}|{_KEY}(?:=|==|!=)(?:{_WORD})?)"
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_UNITS_OF_TIME = r"(?:second|minute|hour|day|week|month|year)s?"


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _network(text: str) -> str | None:
    try:
        return str(ip_network(text, strict=True))
    except ValueError:
        return None


def _without_last_slash(text: str) -> str | None:
    return text.rstrip("/") or "/"


def _web_address(text: str) -> str | None:
    """Unless its port is none, or it leads to another folder."""
    try:
        parts = urlsplit(text)
        # Reading the port is what checks it.
        good = parts.port is None or parts.port > 0
    except ValueError:
        return None
    short = len(parts.hostname or "") <= _LONGEST_NAME
    return text if good and short and ".." not in parts.path.split("/") else None


def _plain(text: str) -> str | None:
    """Unless it leads to another folder, or a dash could become an option once it is split."""
    return None if matches(_SPLIT_OPTION, text) or matches(_PARENT, text) else text


_SPLIT_OPTION = r".*[^A-Za-z0-9_-]-.*"
_PARENT = r"(?:.*[/:=,@])?\.\.(?:[/:=,@].*)?"


KINDS: Mapping[Kind, KindRow] = MappingProxyType(
    {
        # Names and numbers.
        Kind.TOKEN: KindRow(
            _NAME,
            _WORD,
            _LONGEST,
            r"[A-Za-z0-9._-]",
            Wording("one word", "一个单词"),
            Wording(
                "one word: letters and digits with . _ - between them",
                "一个单词:字母和数字,中间可有 . _ -",
            ),
        ),
        Kind.CLUSTER: KindRow(
            _ADDRESS,
            r"[A-Za-z0-9]+(?:(?:[.:/@]|_+|-+)[A-Za-z0-9]+)*",
            _LONGEST_NAME,
            r"[A-Za-z0-9._:/@-]",
            Wording("cluster", "集群"),
            Wording("the name of a cluster", "集群的名称"),
        ),
        Kind.HOST: KindRow(
            _NAME,
            _HOST,
            _LONGEST_NAME,
            r"[A-Za-z0-9._-]",
            Wording("host name", "主机名"),
            Wording(
                "one host name: labels of letters and digits with - or _ between, joined by dots",
                "一个主机名:由字母和数字组成的标签,中间可有 - 或 _,用点连接",
            ),
        ),
        Kind.KUBERNETES_NAME: KindRow(
            _NAME,
            rf"{LABEL_NAME}(?:\.{LABEL_NAME})*",
            _LONGEST_NAME,
            "[a-z0-9.-]",
            Wording("Kubernetes name", "Kubernetes 名称"),
            Wording(
                "a Kubernetes name: lower-case letters, digits, '-', '.', at most 253 characters,"
                " beginning and ending with a letter or digit",
                "Kubernetes 名称:小写字母、数字、'-'、'.',最多 253 个字符,以字母或数字开头和结尾",
            ),
        ),
        Kind.CONTAINER: KindRow(
            _NAME,
            r"[A-Za-z0-9]+(?:(?:\.|_+|-+)[A-Za-z0-9]+)*",
            _LONGEST_NAME,
            r"[A-Za-z0-9._-]",
            Wording("container name", "容器名称"),
            Wording(
                "the name of a container: letters and digits with . _ - between them",
                "容器名称:字母和数字,中间可有 . _ -",
            ),
        ),
        Kind.USER: KindRow(
            _NAME,
            _USER,
            _LONGEST_NAME,
            r"[a-z0-9._-]",
            Wording("user or group name", "用户名或组名"),
            Wording(
                "the name of a user or group, no number: lower-case letters, digits and _, with"
                " . or - between",
                "用户名或组名,不能是数字:小写字母、数字和 _,中间可有 . 或 -",
            ),
        ),
        Kind.EMAIL: KindRow(
            _ADDRESS,
            rf"[A-Za-z0-9]+(?:(?:[.+]|_+|-+)[A-Za-z0-9]+)*@{_HOST}",
            _LONGEST_NAME,
            r"[A-Za-z0-9._+@-]",
            Wording("mail address", "邮箱地址"),
            Wording(
                "one mail address: letters and digits with . _ + or - between, @, and a host name",
                "一个邮箱地址:字母和数字,中间可有 . _ + 或 -,然后是 @ 和主机名",
            ),
            ("<name>@<domain>",),
        ),
        Kind.PACKAGE: KindRow(
            _NAME,
            rf"(?:[A-Za-z]|{_DIGITS}){_PACKAGE_PART}*(?:[+-]+{_PACKAGE_PART}+)*",
            _LONGEST_NAME,
            r"[A-Za-z0-9._+-]",
            Wording("package name", "软件包名称"),
            Wording(
                "the name of a package: letters and digits with + - between them, a dot only"
                " between digits",
                "软件包名称:字母和数字,中间可有 + -,点只能在数字之间",
            ),
        ),
        Kind.VERSION: KindRow(
            _NAME,
            r"[A-Za-z0-9]+(?:[._+~-][A-Za-z0-9]+)*",
            _LONGEST_NAME,
            r"[A-Za-z0-9._+~-]",
            Wording("version", "版本"),
            Wording(
                "a version: letters and digits with single . _ + ~ - between them",
                "版本:字母和数字,中间可有单个 . _ + ~ -",
            ),
        ),
        Kind.COUNT: KindRow(
            _NAME,
            "0|[1-9][0-9]{0,17}",  # below zero only where the author names such a minimum
            18,
            "",
            Wording("whole number", "整数"),
            Wording("a whole number", "整数"),
        ),
        Kind.SIZE: KindRow(
            _NAME,
            r"\+?[0-9]{1,12}(?:\.[0-9]{1,3})?(?:[kKMGTP]i?)?[bBcw]?",
            _LONGEST_NAME,
            r"[A-Za-z0-9.+]",
            Wording("size: number and k, M, G or T", "大小:数字加 k、M、G 或 T"),
            Wording(
                "a size: digits with k, M, G, T or P and perhaps i or B behind them",
                "大小:数字,后面可有 k、M、G、T 或 P,再加 i 或 B",
            ),
            ("<number>M",),
        ),
        Kind.DURATION: KindRow(
            _NAME,
            rf"[0-9]{{1,9}}|(?:{_DURATION_PART})+",
            _LONGEST_NAME,
            r"[0-9a-z]",
            Wording("duration: number and s, m, h or d", "时长:数字加 s、m、h 或 d"),
            Wording(
                "a duration: digits with ns, us, ms, s, m, h, d or w behind them, or digits alone",
                "时长:数字,后接 ns、us、ms、s、m、h、d 或 w,或仅数字",
            ),
            ("<number>s",),
        ),
        Kind.FLAG: KindRow(
            _NAME,
            "true|false",
            5,
            "",
            Wording("true or false", "true 或 false"),
            Wording("true or false", "true 或 false"),
        ),
        Kind.SIGNAL: KindRow(
            _NAME,
            "(?:SIG)?[A-Z][A-Z0-9]{1,9}|[0-9]{1,2}",
            _LONGEST_NAME,
            "[A-Z0-9]",
            Wording("name of a signal", "信号名称"),
            Wording("a signal: its name in capital letters, or its number", "信号:大写名称或编号"),
        ),
        Kind.CHOICE: KindRow(
            _NAME,
            r"[^\pC\p{Zl}\p{Zp}]+",
            256,
            "",
            Wording("one of the choices", "选项之一"),
            Wording("one of the choices", "选项之一"),
        ),
        # Addresses.
        Kind.UNIT: KindRow(
            _ADDRESS,
            r"[A-Za-z0-9]+(?:(?:\.|:|@\.?|_+|-+|\\x2d)[A-Za-z0-9]+)*",
            _LONGEST_NAME,
            r"[A-Za-z0-9._:@\\-]",
            Wording("systemd unit", "systemd 单元"),
            Wording(
                r"a systemd unit: letters and digits with . : @ _ - or \x2d between them",
                r"systemd 单元:字母和数字,中间可有 . : @ _ - 或 \x2d",
            ),
            ("<name>.service", "<name>"),
        ),
        Kind.PATH: KindRow(
            _ADDRESS,
            _PATH,
            _LONGEST,
            r"[A-Za-z0-9/._@+~-]",
            Wording("absolute path", "绝对路径"),
            Wording(
                "an absolute path without '..', '.' or '//': parts of letters, digits and _ with"
                " . @ + ~ - between",
                "绝对路径,不含 '..'、'.' 或 '//':各段由字母、数字和 _ 组成,中间可有 . @ + ~ -",
            ),
            ("/<directory>/<file>",),
            _without_last_slash,
        ),
        Kind.REF: KindRow(
            _ADDRESS,
            r"[A-Za-z0-9]+(?:(?:[./]|_+|-+)[A-Za-z0-9]+)*(?:~[0-9]{1,4})?",
            _LONGEST,
            r"[A-Za-z0-9/._~-]",
            Wording("branch, tag or commit", "分支、标签或提交"),
            Wording(
                "a branch, tag or commit: letters and digits with . / _ - between them, perhaps"
                " ~ and a number behind them",
                "分支、标签或提交:字母和数字,中间可有 . / _ -,末尾可有 ~ 和数字",
            ),
        ),
        Kind.IMAGE: KindRow(
            _ADDRESS,
            _IMAGE,
            _LONGEST,
            r"[A-Za-z0-9/._:@-]",
            Wording("image reference", "镜像地址"),
            Wording("an image reference", "镜像地址"),
            ("<registry>/<name>:<tag>", "<name>:<tag>", "<name>"),
        ),
        Kind.URL: KindRow(
            _ADDRESS,
            rf"https?://{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~%+=,@:/-]*)?"
            r"(?:\?[A-Za-z0-9._~%+=,@:/&-]*)?",
            _LONGEST_URL,
            "",
            Wording("http(s) URL", "http(s) 网址"),
            Wording(
                "a URL with a host, no user or password, and none of the characters that a shell"
                " takes for its own",
                "带主机名的网址,不含用户名和密码,也不含 shell 的特殊字符",
            ),
            ("https://<host>/<path>", "https://<host>"),
            _web_address,
        ),
        Kind.IP: KindRow(
            _ADDRESS,
            "[0-9A-Fa-f:.]{2,45}",
            45,
            "",
            Wording("IP address", "IP 地址"),
            Wording("one IP address", "一个 IP 地址"),
            (),
            _address,
        ),
        Kind.CIDR: KindRow(
            _ADDRESS,
            "[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}",
            49,
            "",
            Wording("network: address/bits", "网段:地址/位数"),
            Wording("a network with no host bits set", "主机位为零的网段"),
            ("<address>/<bits>",),
            _network,
        ),
        Kind.LOCATION: KindRow(
            _ADDRESS,
            rf"(?:(?:{_USER}@)?{_HOST}:)?{_PATH}",
            _LONGEST,
            r"[A-Za-z0-9/._:@+~-]",
            Wording("[user@host:]/absolute/path", "[用户@主机:]/绝对路径"),
            Wording("an absolute path, perhaps with a host before it", "绝对路径,前面可有主机"),
            ("<user>@<host>:/<directory>/<file>", "/<directory>/<file>"),
        ),
        Kind.SELECTOR: KindRow(
            _ADDRESS,
            rf"{_REQUIREMENT}(?:,{_REQUIREMENT})*",
            _LONGEST,
            r"[A-Za-z0-9/._=!,-]",
            Wording("label selector", "标签选择器"),
            Wording(
                "a label selector: key, !key, key=value or key!=value, joined by commas",
                "标签选择器:key、!key、key=value 或 key!=value,用逗号连接",
            ),
            ("<key>=<value>", "<key>"),
        ),
        Kind.PATTERN: KindRow(
            _ADDRESS,
            "[A-Za-z0-9/][A-Za-z0-9_./:@%+=,~-]*",
            _LONGEST,
            "",
            Wording("a value of the pattern", "符合模式的值"),
            Wording(
                "letters, digits and _./:@%+=,~- beginning with a letter, a digit or /, without"
                " '..' and with a dash only behind a letter or digit",
                "字母、数字和 _./:@%+=,~-,以字母、数字或 / 开头,不含 '..',减号只能在字母或数字之后",
            ),
            (),
            _plain,
        ),
        # Phrases.
        Kind.TIME: KindRow(
            ValueClass.PHRASE,
            rf"(?:{_DURATION_PART})+|now|today|yesterday|tomorrow"
            rf"|[0-9]{{1,4}} ?{_UNITS_OF_TIME}(?: ago)?|{_CLOCK}"
            rf"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?",
            _LONGEST,
            r"[A-Za-z0-9: +-]",
            Wording("time: YYYY-MM-DD HH:MM or <number>h", "时间:YYYY-MM-DD HH:MM 或 <数字>h"),
            Wording(
                "a time: a date, a time of day, both, a duration, or '<number> hours ago' and its"
                " like",
                "时间:日期、时刻、日期加时刻、时长,或 '<数字> hours ago' 之类",
            ),
            ("<year>-<month>-<day> <hour>:<minute>",),
        ),
        Kind.SCHEDULE: KindRow(
            ValueClass.PHRASE,
            r"@(?:hourly|daily|weekly|monthly|yearly)|[0-9*][0-9*/,-]{0,39}"
            r"(?: [0-9A-Za-z*][0-9A-Za-z*/,-]{0,39}){4}",
            _LONGEST,
            r"[A-Za-z0-9@*/, -]",
            Wording("schedule of cron", "cron 计划"),
            Wording(
                "a schedule of cron: five fields, or one of @hourly, @daily, @weekly, @monthly,"
                " @yearly",
                "cron 计划:五个字段,或 @hourly、@daily、@weekly、@monthly、@yearly 之一",
            ),
            ("<minute> <hour> <day> <month> <weekday>",),
        ),
        # Text.
        Kind.TEXT: KindRow(
            ValueClass.TEXT,
            r"[^\pC\p{Zl}\p{Zp}]+",
            _LONGEST_TEXT,
            "",
            Wording("one line of text", "一行文字"),
            Wording("one line of printable characters", "一行可见字符"),
        ),
    }
)


def canonical(kind: Kind, text: str) -> str | None:
    """The one form in which a value of this kind is sent; None when `text` is none.

    What an author or the settings add (choices, a regex, bounds, roots of paths) is not looked at.
    """
    row = KINDS[kind]
    good = len(text) <= row.longest and matches(row.pattern, text)
    return row.form(text) if good else None
