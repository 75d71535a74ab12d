"""What is said around a slice of output, and in place of one that is empty."""

from opsmcp_tools.phrases.phrase import Phrase

CONTINUES = Phrase("[continues at offset {} of {}]", "[从 offset {} 继续,共 {}]")
CAREFUL = Phrase("Careful: {}", "注意:{}")
NOTHING = Phrase("There is no output here.", "此处没有输出。")
NO_MATCH = Phrase(
    "No line contains {}. The output has {:,} characters; leave search out to read it.",
    "没有包含 {} 的行。输出共 {:,} 个字符;去掉 search 即可读取。",
)
PAST_MATCHES = Phrase(
    "There are no more matches: {:,} lines contain {}, and offset counts them from 0.",
    "没有更多匹配:共 {:,} 行包含 {},offset 从 0 开始计数。",
)
PAST_END = Phrase(
    "The output ends before offset {:,}: it has {:,} characters.",
    "输出在 offset {:,} 之前结束:共 {:,} 个字符。",
)
