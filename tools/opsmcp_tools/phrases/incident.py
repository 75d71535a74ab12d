"""What is said of an incident, in its timeline and on its page. States are never translated."""

from opsmcp_tools.phrases.phrase import Phrase

OPENED = Phrase("{} takes it: {}", "{} 接手:{}")
ABSORBED = Phrase("{} says {} now", "{} 现为 {}")
RECURRED = Phrase(
    "it came back {} after it had recovered: what was done did not last",
    "恢复后 {} 又出现:处理没有持续生效",
)
SETTLED = Phrase("it still goes on", "仍在持续")
RESOLVED = Phrase("its senders say that it is over", "发送方称已恢复")
ONLY_NOTIFIES = Phrase("{} only tells of it", "{} 只通知")
NO_LONGER_THERE = Phrase("the settings have no responder {} any more", "设置中已没有响应器 {}")
HELD = Phrase("held: {}", "暂缓:{}")
HELD_TOO_LONG = Phrase("it was held for a day", "已暂缓一天")
FREE_AGAIN = Phrase("nothing holds it any more", "不再暂缓")
BY_PAUSE = Phrase("{} was paused by {}", "{} 已被 {} 暂停")
BY_QUIET = Phrase("quiet time {}", "静默时段 {}")
BY_SILENCE = Phrase("{} has it silenced or inhibited", "{} 已将其静默或抑制")
NOT_AT_SENDER = Phrase("{} does not have it any more", "{} 已没有该告警")
BY_COOLDOWN = Phrase("the last run for it ended less than {} ago", "上次运行结束不足 {}")
BY_KEY_LIMIT = Phrase("{} runs for it in {} are all that there may be", "{} 次运行/{} 已达上限")
BY_RUNS = Phrase(
    "all responders together may start {} runs an hour", "所有响应器每小时最多启动 {} 次运行"
)
BY_PLACES = Phrase(
    "all responders together may change {} places an hour", "所有响应器每小时最多更改 {} 个位置"
)
BY_BREAKER = Phrase(
    "the breaker is open: {} runs did not help ({})", "熔断器已打开:{} 次运行无效({})"
)
BY_LOOP = Phrase(
    "a run of {} may have caused it, and that began with {}: it could go on like this for ever",
    "可能由 {} 的运行引起,而其起因是 {}:可能无限循环",
)
CHAIN_TOO_LONG = Phrase(
    "each of {} incidents may have been caused by the run of the one before",
    "{} 个事件可能依次由前一个的运行引起",
)
PLACE_TAKEN = Phrase("incident {} changes {} now", "事件 {} 正在更改 {}")
WENT_ON = Phrase("incident {} went on without it", "事件 {} 已另行处理")
REFUSED = Phrase("it cannot be called: {}", "无法调用:{}")
NO_ARGUMENT = Phrase("the argument {} cannot be made of the signal: {}", "无法从信号得出参数 {}:{}")
DENIED = Phrase("policy does not allow it: {}", "策略不允许:{}")
UNTRUSTED = Phrase(
    "nobody vouched for the signal, and nothing looked whether it is so", "信号未经验证,也未核实"
)
UNCONFIRMED = Phrase("it is not so: {} is false", "不属实:{} 不成立")
NOT_CONFIRMABLE = Phrase("whether it is so could not be found out: {}", "无法核实:{}")
NOT_DECIDED = Phrase("it could not be decided in time: {}", "未能及时决定:{}")
ASKED = Phrase("people have to approve it: request {} ({})", "需要批准:请求 {}({})")
ALLOWED = Phrase("policy allows it (rule {})", "策略允许(规则 {})")
INVESTIGATED = Phrase("a model looks for the cause", "由模型查找原因")
RECHECKED = Phrase(
    "before something is changed it is looked at again whether it is so", "更改前再次核实"
)
DIAGNOSED = Phrase("the model says: {}", "模型诊断:{}")
BUDGET_SPENT = Phrase(
    "{} are all that the model may use; it says so far: {}", "模型的上限 {} 已用尽;目前诊断:{}"
)
NO_MODEL = Phrase(
    "the model could not be asked: {}; it says so far: {}", "无法询问模型:{};目前诊断:{}"
)
NO_MODEL_HERE = Phrase("this opsmcp asks no model", "此 opsmcp 未接入模型")
UNREADABLE = Phrase(
    "what the model answers cannot be used; it says so far: {}", "模型的回答无法使用;目前诊断:{}"
)
MODEL_ASKED = Phrase("the model wants {} ({}); {}", "模型要求 {}({});{}")
REJECTED = Phrase("{} rejected it", "{} 已拒绝")
EXPIRED = Phrase("nobody approved it in time, and no answer is no", "无人及时批准;没有答复即为拒绝")
VOID = Phrase("the request is void: {}", "请求已失效:{}")
VOID_TOO_OFTEN = Phrase("its requests became void too often: {}", "请求多次失效:{}")
CHANGED = Phrase("it changed before it was started: {}", "启动前发生变化:{}")
NOT_STARTED = Phrase("it could not be started in time: {}", "未能及时启动:{}")
STARTED = Phrase("run {} of {}", "运行 {}({})")
RUN_ENDED = Phrase("run {} {}: {}", "运行 {} {}:{}")
NEXT_ATTEMPT = Phrase("{}; attempt {} of {} follows", "{};接下来第 {}/{} 次尝试")
NO_ATTEMPT_LEFT = Phrase("{}; there are no more attempts", "{};没有更多尝试")
NOT_REPEATED = Phrase("{}; it may still work, so nothing follows", "{};可能仍在进行,不再继续")
VERIFYING = Phrase(
    "run {} succeeded; now it is looked whether that helped", "运行 {} 成功;正在验证效果"
)
VERIFIED = Phrase("it helped: {}", "有效:{}")
VERIFIED_RESOLVED = Phrase("it helped: its senders say that it is over", "有效:发送方称已恢复")
NOT_VERIFIED = Phrase("it did not help: {}", "无效:{}")
STILL_FIRING = Phrase("its senders still say that it goes on", "发送方称仍在持续")
NEVER_TRUE = Phrase("{} was not true in time", "{} 未能及时成立")
CAME_BACK = Phrase("it came back", "再次出现")
RAN = Phrase("run {} succeeded, and there is nothing to verify", "运行 {} 成功,无需验证")
SILENT = Phrase("nothing came for a day", "一天内没有新信号")
DEAD = Phrase("dead: it failed {} times: {}", "dead:失败 {} 次:{}")
