"""What is said around a slice of output, and in place of one that is empty."""

from opsmcp_tools.phrases.phrase import Phrase

CONTINUES = Phrase("[continues at offset {} of {}]", "[从 offset {} 继续,共 {}]")
CAREFUL = Phrase("Careful: {}", "注意:{}")
NOTHING = Phrase("There is no output here.", "此处没有输出。")
CONTINUES_AT_LINE = Phrase("[continues at from_line {} of {}]", "[从 from_line {} 继续,共 {} 行]")
NO_MATCH = Phrase(
    "No line matches {}. Of {:,} lines, {:,} tell of errors and {:,} of warnings; they are of"
    " these kinds:",
    "没有匹配 {} 的行。共 {:,} 行,其中错误 {:,} 行,警告 {:,} 行;种类如下:",
)
PAST_MATCHES = Phrase(
    "There are no more matches: {:,} lines match {}, and offset counts them from 0.",
    "没有更多匹配:共 {:,} 行匹配 {},offset 从 0 开始计数。",
)
PAST_LAST_LINE = Phrase("The output has {:,} lines.", "输出共 {:,} 行。")
PAST_END = Phrase(
    "The output ends before offset {:,}: it has {:,} characters.",
    "输出在 offset {:,} 之前结束:共 {:,} 个字符。",
)
