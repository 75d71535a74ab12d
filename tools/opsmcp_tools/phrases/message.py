"""What messages to channels say. What stands in their places is cleaned, masked and bounded."""

from opsmcp_tools.phrases.phrase import Phrase

REQUEST = Phrase("Needs approval: {}", "待批准:{}")
ESCALATED = Phrase("Needs a person: {}", "需要人工处理:{}")
NOT_REPAIRED = Phrase("Not repaired yet: {}", "尚未修复:{}")
HANDED_OVER = Phrase("Incident: {}", "事件:{}")
DECIDED = Phrase("Approved and running: {}", "已批准并运行:{}")
STARTING = Phrase("Being repaired: {}", "正在修复:{}")
HELD = Phrase("On hold: {}", "暂缓:{}")
WORSE = Phrase("More severe: {}", "级别升高:{}")
REFUSED = Phrase("Not taken in: {}", "未接收:{}")
SILENT = Phrase("Nothing heard: {}", "无消息:{}")
MISSED = Phrase("Not inspected: {}", "未巡检:{}")
RECOVERED = Phrase("Repaired and verified: {}", "已修复并验证:{}")
RESOLVED = Phrase("Over: {}", "已恢复:{}")
UNCONFIRMED = Phrase("Not confirmed: {}", "未确认:{}")
RAN = Phrase("Ran, nothing to verify: {}", "已运行,无需验证:{}")

WHAT = Phrase("{} from {}, signals: {}; key {}", "{},来自 {},{} 个信号;键 {}")
WHERE = Phrase("Where: {}", "位置:{}")
CALL = Phrase("Call: {}", "调用:{}")
WHY = Phrase("Why: {}", "原因:{}")
WHO = Phrase("Who may approve: {} of {}, until {}", "可批准者:{} 人,来自 {},截止 {}")
OR_TERMINAL = Phrase("In a terminal: {}", "在终端运行:{}")
OPEN_PAGE = Phrase("Open", "打开")
SUMMARY = Phrase("opsmcp: {} pieces of news", "opsmcp:{} 条新进展")
MORE = Phrase(
    "+{} more: opsmcp incidents and opsmcp requests list them",
    "另有 {} 个:用 opsmcp incidents 和 opsmcp requests 查看",
)
REFUSED_WHY = Phrase(
    "{}; opsmcp events senders tells how often (sender {})",
    "{};次数见 opsmcp events senders(发送方 {})",
)
SILENT_SINCE = Phrase("no delivery since {}", "自 {} 起没有收到任何内容")
MISSED_WHY = Phrase("due {}: {}", "应于 {} 执行:{}")
ASKED_BY = Phrase("Asked by: {}", "请求者:{}")
TEST_TITLE = Phrase("A test of opsmcp", "opsmcp 测试消息")
TEST_LINE = Phrase(
    "opsmcp notify test sent this to {}. Nothing is wrong",
    "由 opsmcp notify test 发送到 {},并无故障",
)
