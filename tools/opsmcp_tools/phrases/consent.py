"""What a person is asked before something is changed, and how places are named there."""

from opsmcp_tools.phrases.phrase import Phrase

RUN = Phrase("Run {} ({})?", "运行 {}({})?")
READS = Phrase("It only reads.", "只读取,不改变任何东西。")
CHANGES = Phrase("It changes something.", "会产生变更。")
CHANGES_ONCE = Phrase("It changes something. Twice is as once.", "会产生变更;重复执行结果相同。")
DESTROYS = Phrase(
    "It changes something, and this can destroy or interrupt something.",
    "会产生变更,并可能造成破坏或中断。",
)
NOT_KNOWN = Phrase(
    "Nothing says that it only reads. Its scripts tell.",
    "未说明是否只读,请查看其脚本。",
)
CAREFUL = Phrase("Careful: {}", "注意:{}")
WHERE = Phrase("Where: {}", "位置:{}")
DEFAULTS = Phrase("Not given, so the default holds:", "未给出,采用默认值:")
BLANKS = Phrase("({:,} blanks)", "({:,} 个空格)")

CLUSTER = Phrase("cluster {}", "集群 {}")
EVERY_NODE = Phrase("every node that {!r} means", "{!r} 所指的全部节点")
ONE_NODE = Phrase("one node, chosen by the source ({})", "由来源选定的一个节点({})")
ONE_MACHINE = Phrase("one machine, chosen by the source", "由来源选定的一台机器")
HOSTS = Phrase("{} hosts ({})", "{} 台主机({})")
AS_ROOT = Phrase("{}, as root", "{}(以 root 身份)")
ONE_AFTER_ANOTHER = Phrase("{} at a time", "每次 {} 台")
GOES_FIRST = Phrase("first {}, the others only if that succeeds", "先在 {} 台上运行,成功后才继续")
STOPS_AFTER = Phrase(
    "after {} without success no more is started", "有 {} 台不成功后不再启动其余主机"
)
NEVER_STOPS = Phrase("also after a failure it goes on", "失败后仍继续")
ONE_HOST = Phrase("{} host ({})", "{} 台主机({})")
AND_MORE = Phrase("{}, and {} more", "{},另有 {} 台")
