"""What is said of what an excerpt leaves out."""

from opsmcp_tools.phrases.phrase import Phrase

SHOWN = Phrase("[{:,} of {:,} lines{}{}{}]", "[共 {1:,} 行,显示 {0:,} 行{2}{3}{4}]")
JSON_AS_YAML = Phrase("; JSON, shown as YAML", ";JSON,以 YAML 显示")
LOG_SHOWN = Phrase(
    "[{0:,} lines, {1:,} kinds, {2:,} shown; ×N: N lines of the kind{3}]",
    "[共 {0:,} 行 {1:,} 类,显示 {2:,} 类;×N:此类共 N 行{3}]",
)
LOG_LOOKED_AT = Phrase(
    "[{:,} lines: both ends and what may be wrong were looked at; {:,} kinds shown{}]",
    "[共 {:,} 行:查看了两端和可能有问题的行;显示 {:,} 类{}]",
)
NEARLY_ALL_LINES = Phrase("; nearly all lines: {}", ";几乎各行均有:{}")
TROUBLE = Phrase("trouble:", "问题:")
OTHERS = Phrase("also:", "其他:")
BEGINNING = Phrase("the beginning:", "开头:")
END = Phrase("the end:", "末尾:")
KINDS_LEFT_OUT = Phrase(
    "[not shown: {:,} kinds, {:,} of them trouble; {:,} lines{}]",
    "[未显示:{:,} 类,其中 {:,} 类有问题;{:,} 行{}]",
)
FIND_NEXT = Phrase('; the next: search="{}"', ';下一类:search="{}"')
OF_THIS_KIND = Phrase("; ×N: N of this kind", ";×N:此类共 N 行")
KINDS_NOT_SHOWN = Phrase("; {:,} kinds of error not shown", ";另有 {:,} 类错误未显示")
LINE_LEFT_OUT = Phrase("[… {:,} line left out]", "[… 省略 {:,} 行]")
LINES_LEFT_OUT = Phrase("[… {:,} lines left out]", "[… 省略 {:,} 行]")
STATES_LEFT_OUT = Phrase("[… {:,} states of this line left out]", "[… 省略此行的 {:,} 个状态]")
REST_LEFT_OUT = Phrase("[the rest left out]", "[其余省略]")
NOT_LOOKED_AT = Phrase(
    "[{:,} characters after the first {:,} were not looked at]",
    "[未查看前 {1:,} 个字符之后的 {0:,} 个]",
)
NO_TEXT = Phrase(
    "[this is no text: only its plain characters were looked at]",
    "[这不是文本:仅查看了其中的普通字符]",
)
