"""What the pages say, in the languages of their readers."""

from collections.abc import Callable
from types import SimpleNamespace

from opsmcp_tools.phrases.consent import ONE_MACHINE
from opsmcp_tools.phrases.phrase import Language, Phrase, Said

__all__ = ["language_of", "page_words"]

_WORDS = {
    "requests": Phrase("Requests", "审批请求"),
    "incidents": Phrase("Incidents", "事件"),
    "incident": Phrase("Incident", "事件"),
    "open_incidents": Phrase("Open", "未关闭"),
    "no_incidents": Phrase("Nothing is wrong, as far as senders say.", "发送方未报告问题。"),
    "no_incident": Phrase("There is no such incident", "没有这个事件"),
    "incident_not_yours": Phrase(
        "It is not there, or you may not see what its responder may call.",
        "事件不存在,或您无权查看其响应器可调用的操作。",
    ),
    "responder": Phrase("Responder", "响应器"),
    "key": Phrase("Key", "键"),
    "severity": Phrase("Severity", "严重程度"),
    "last_seen": Phrase("Seen last", "最近一次"),
    "signals": Phrase("Signals", "信号数"),
    "signal": Phrase("The last signal, from {}", "最近的信号,来自 {}"),
    "name": Phrase("Name", "名称"),
    "value": Phrase("Value", "值"),
    "arguments": Phrase("Arguments", "参数"),
    "goes_on": Phrase("Goes on", "仍在持续"),
    "yes": Phrase("yes", "是"),
    "no": Phrase("no", "否"),
    "skip": Phrase("Skip to the content", "跳到正文"),
    "signed_in": Phrase("Signed in as {}", "已登录:{}"),
    "sign_in": Phrase("Sign in", "登录"),
    "sign_out": Phrase("Sign out", "退出"),
    "your_token": Phrase("Your token", "您的令牌"),
    "token_help": Phrase(
        "The one of your name under people: in the settings of this server.",
        "本服务器设置中 people: 下您名字的令牌。",
    ),
    "unknown_token": Phrase("Nobody has this token. Nobody was signed in.", "令牌无效,未登录。"),
    "for_you": Phrase("Waiting for a decision", "等待决定"),
    "recent": Phrase("Earlier", "以往"),
    "none": Phrase("No call waits for approval.", "没有等待批准的调用。"),
    "request": Phrase("Request", "请求"),
    "operation": Phrase("Operation", "操作"),
    "asked_by": Phrase("Asked by", "请求者"),
    "state": Phrase("State", "状态"),
    "until": Phrase("Waits until", "等待至"),
    "why": Phrase("Why", "原因"),
    "rule": Phrase("Rule", "规则"),
    "approvers": Phrase("Who may approve", "可批准者"),
    "of": Phrase("{} of {}", "{} 人,来自 {}"),
    "so_far": Phrase("Approved so far by", "目前已批准"),
    "run": Phrase("Run", "运行"),
    "question": Phrase("What is asked", "请求内容"),
    "plan": Phrase("What would be run", "将要执行"),
    "plan_help": Phrase(
        "With the values in their places, between « and ». Plan {}.",
        "值已填入,位于 « 与 » 之间。计划 {}。",
    ),
    "task_on": Phrase("{} on {}", "{},位于 {}"),
    "one_machine": ONE_MACHINE,
    "only_if": Phrase("Only if {}", "仅当 {}"),
    "more_steps": Phrase("{} steps more, which are not shown", "另有 {} 个步骤未显示"),
    "timeline": Phrase("Timeline", "时间线"),
    "conversation": Phrase("What the model was told, said and called", "与模型的对话"),
    "spent": Phrase("{} answers, {} tokens, {} runs", "{} 次回答,{} 个词元,{} 次运行"),
    "by_opsmcp": Phrase("opsmcp says", "opsmcp 告知"),
    "by_model": Phrase("The model says", "模型回答"),
    "by_call": Phrase("The model calls", "模型调用"),
    "by_result": Phrase("The result", "结果"),
    "when": Phrase("When", "时间"),
    "what": Phrase("What", "状态"),
    "who": Phrase("Who", "谁"),
    "decide": Phrase("Decide", "作出决定"),
    "comment": Phrase("Comment, which whoever asked is told", "说明(会告知请求者)"),
    "approve": Phrase("Approve", "批准"),
    "reject": Phrase("Reject", "拒绝"),
    "cannot": Phrase("You cannot decide on it: {}.", "您不能作出决定:{}。"),
    "decided": Phrase("You have decided on it.", "您已作出决定。"),
    "back": Phrase("All requests", "全部请求"),
    "look_again": Phrase("Look again", "刷新"),
    "not_there": Phrase("There is no such request", "没有这个请求"),
    "not_yours": Phrase(
        "It is not there, or it is neither yours nor for you to decide.",
        "请求不存在,或既不属于您,也不由您决定。",
    ),
    "bad_form": Phrase("This form cannot be used", "表单无效"),
    "bad_form_help": Phrase(
        "It was not sent by a page of this server, or you signed in anew since. Nothing was"
        " decided. Open the request and decide again.",
        "表单并非来自本服务器的页面,或您已重新登录。未作出任何决定。请重新打开请求。",
    ),
    "too_late": Phrase("Somebody was first", "已有结果"),
    "too_late_help": Phrase(
        "Your decision does not count: the request was decided, is over, or is another one than you"
        " were shown.",
        "您的决定无效:请求已被决定、已结束,或与显示给您的不同。",
    ),
    "refused": Phrase("You cannot decide on it", "您不能作出决定"),
    "too_many": Phrase(
        "Too many wrong tokens. Try again in a minute.", "错误次数过多,请稍后再试。"
    ),
    "unavailable": Phrase("This cannot be read now", "目前无法读取"),
}


def page_words(language: Language) -> SimpleNamespace:
    """Each phrase as a function of what stands in its places."""

    def said(phrase: Phrase) -> Callable[..., str]:
        return lambda *values: Said(phrase, values).to(language)

    return SimpleNamespace(**{name: said(phrase) for name, phrase in _WORDS.items()})


def language_of(accepted: str) -> Language:
    """The language that a browser asks for first, of those that there are."""
    for part in accepted[:200].lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "en"
