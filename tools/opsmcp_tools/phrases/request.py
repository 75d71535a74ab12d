"""What is said of a call that waits for somebody else's approval. States are never translated."""

from opsmcp_tools.phrases.phrase import Phrase

WAITS = Phrase(
    "waiting: {} needs somebody else's approval, and was not started (request {})",
    "waiting:{} 需要他人批准,尚未启动(request {})",
)
APPROVED = Phrase(
    "waiting: {} is approved by {} and is being started (request {})",
    "waiting:{} 已由 {} 批准,正在启动(request {})",
)
WHY = Phrase("Why: {} (rule {})", "原因:{}(规则 {})")
WHO = Phrase(
    "Who may approve: {} of {}, until {} ({}); whoever made the call may not",
    "可批准者:{} 人,来自 {},截止 {}({});调用者本人不可批准",
)
SO_FAR = Phrase("So far: approved by {}", "目前:{} 已批准")
WHERE_PAGE = Phrase("Where: {}, or in a terminal `{}`", "位置:{},或在终端运行 `{}`")
WHERE_TERMINAL = Phrase("Where: in a terminal, `{}`", "位置:在终端运行 `{}`")
WHERE_ONLY_PAGE = Phrase("Where: {}", "位置:{}")
NOBODY_SAID_WHERE = Phrase(
    "Where: on the page /requests of `opsmcp serve`", "位置:`opsmcp serve` 的 /requests 页面"
)
TELL_THEM = Phrase(
    "Next: tell the person that it waits. {} waits for the decision and then for the run. The same"
    " call gets the same request; {} withdraws it",
    "下一步:告知用户正在等待。{} 等待决定,然后等待运行结束。相同的调用得到同一个请求;{} 可撤回",
)
WATCH = Phrase(
    "Next: it is looked at with `{}`, and withdrawn with `{}`",
    "下一步:用 `{}` 查看,用 `{}` 撤回",
)

REFUSED = Phrase("refused: {} was not started: {} (request {})", "refused:{} 未启动:{}(request {})")
REJECTED = Phrase("{} rejected it", "{} 已拒绝")
EXPIRED = Phrase("nobody approved it in time, and no answer is no", "无人及时批准;没有答复即为拒绝")
VOID = Phrase("the request is void: {}", "请求已失效:{}")
COMMENT = Phrase("Comment of {}: {}", "{} 的说明:{}")
ASK_AGAIN = Phrase(
    "Next: the same call makes a new request, with what holds now",
    "下一步:再次调用会按当前情况提出新请求",
)
DO_NOT_ASK = Phrase(
    "Next: tell the person who rejected it. The same call is answered with this for {} minutes",
    "下一步:告知用户由谁拒绝。{} 分钟内相同的调用都得到此答复",
)
OF_REQUEST = Phrase("Request {}: approved by {}", "请求 {}:由 {} 批准")

CHANGED = Phrase("since it was asked for there changed: {}", "提出请求后发生变化:{}")
ITS_DEFINITION = Phrase("its definition", "定义")
ITS_SCRIPTS = Phrase("its scripts", "脚本")
WHAT_POLICY_SAYS = Phrase("what policy says of it", "策略的决定")
ITS_CLUSTER = Phrase("its cluster", "集群")
ITS_VARIABLES = Phrase("its variables", "变量")
ITS_HINTS = Phrase("whether it only reads", "是否只读")
ITS_HAZARDS = Phrase("its hazards", "风险")
ITS_SOURCE = Phrase("its source", "来源")
ITS_HOSTS = Phrase("where it would run (then {}, now {})", "运行位置(当时 {},现为 {})")
WHAT_IS_CUT = Phrase("a part of its plan that is too long to be shown", "计划中过长而未显示的部分")
APPROVER_CHANGED = Phrase("whether {} may approve it: {}", "{} 是否可批准:{}")
NOT_CALLABLE = Phrase("it cannot be called any more: {}", "已不能调用:{}")
NOT_IN_TIME = Phrase(
    "it was approved, and could not be started within {} minutes{}",
    "已批准,但 {} 分钟内未能启动{}",
)
WITHDRAWN = Phrase("{} withdrew it", "{} 已撤回")
LEFT = Phrase("whoever asked for it waits no more", "请求者不再等待")

OWN_REQUEST = Phrase("whoever asked for it cannot decide on it", "请求者本人不能作出决定")
NO_APPROVER = Phrase(
    "only members of {} decide on it (policy.groups)", "只有 {} 的成员可以作出决定(policy.groups)"
)
MAY_NOT_CALL = Phrase("policy does not allow you {} yourself: {}", "策略不允许您本人执行 {}:{}")
