"""What an author's words say an operation does: that it changes something, or only looks. Pure.

Verbs are told from nouns by where they stand. What is known is how authors say that they look:
whatever else seems to be done is taken for more than that.
"""

import re
from collections.abc import Iterable, Sequence

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation
from opsmcp_pipelines.shell.programs import names
from opsmcp_tools.toolbox.read_only.verbs import ADDING, is_changing

__all__ = [
    "CHINESE",
    "can_be_repeated",
    "destroys",
    "names_destruction",
    "says_change",
    "says_reading",
]

CHINESE = re.compile(r"[\u4e00-\u9fff]")
"""A character of Chinese: mostly half a word."""

_READING = re.compile(
    r"list|get|show|view|describe|check|inspect|search|query|analy[sz]e|analysis|status|logs?|top"
    r"|find|count|alert|read|dump|watch|diagnose|explain|compare|verify|report|tell|print|display"
    r"|measure|monitor|summari[sz]e|resolve|ping|probe|look|identify|detect|audit|validate|trace"
    r"|examine|preview|see|which|who|what|how|where|whether|why"
)
_READING_IN_CHINESE = re.compile(
    r"\s*(?:查看|列出|检查|显示|查询|获取|统计|分析|巡检|搜索|查找|展示|诊断|监控|对比|验证)"
)
_PLAIN_DESTROYING = re.compile(
    r"delete|remove|clear|force|drain|kill|reboot|shutdown|evict|purge|wipe|destroy|erase|prune"
    r"|truncate|uninstall|terminate"
)
"""Words that are hardly ever nouns, so that they count wherever they stand."""
_CHANGING_IN_CHINESE = re.compile(
    r"(?:^\s*|并|然后|再|后)(?:重启|删除|清理|清空|停止|启动|驱逐|创建|修改|更新|扩容|缩容|回滚|升级|安装|卸载"
    r"|同步|切换|迁移|部署|发布|下线|上线|重置|变更|更改|调整|授权|禁用|启用|设置|写入|备份|添加|增加|新增|移除"
    r"|替换|重建|重跑|归档|解封|封禁)"
)
_HARDLY_NOUNS = names("clean disable rename replace rotate unmount detach migrate suspend rebuild")
_CHANGING_WITH_OBJECT = names(
    "change modify alter adjust edit grant ban block allow assign expand extend shrink swap switch"
    " rebalance provision empty drop trim kick free close mark merge split archive mute silence"
    " acknowledge credit debit charge refund approve reject import flip toggle increase decrease"
    " raise lower double reduce limit throttle pin unpin lock rewrite"
)
"""Verbs of change that are often something else, so that what stands behind them decides."""
_REPEATABLE = re.compile(
    r"cordon|uncordon|set|label|annotate|enable|disable|preload|sync|retag|tag|apply|drain"
)
_AND = frozenset({"and", "or", "then"})
_OBJECTS = names("it them the a an all old its every each one those what this that")
"""What stands behind a verb and not behind a noun: `restarts it`, but `restarts of pods`."""
_ACTED_ON = _OBJECTS - {"what", "this", "that"}
"""What a third person acts on: `empties the cache`, but `pods that wait`."""
_IT = frozenset({"it", "them"})
_NEXT_SENTENCE = re.compile(r";\s|[.:]\s+(?=[a-z]+s\b)")
"""Behind it stands what is done next, in the third person if it is a sentence of its own."""
_OF_AN_ANSWER = names("returns answers includes excludes needs fails")
"""Verbs that tell of what is answered, or of when it is not."""
_BEFORE_NOUNS = names(
    "of in on at by with per for from to into about over under below above as than between within"
    " around through like near after before behind during since until"
)
_RELATIVE = names("that which who whose what where when while")
_AFTER_NOUNS = _BEFORE_NOUNS | _AND | _RELATIVE | names("are is was were")
"""What stands behind a plural, and not behind a verb: `nodes of`, but `kicks idle users`."""
_NO_DEED = _OBJECTS | _AFTER_NOUNS | _OF_AN_ANSWER
_READING_LAST = re.compile(r"overview|usage|status|logs?|info|processes|ports|report|version")
"""What a name that begins with no verb at all ends in when it only looks: `disk-usage`."""


def names_destruction(operation: Operation) -> str:
    """The first plainly destructive word in its name or description; empty when there is none."""
    words = (*words_of(operation.name), *_words_of_text(operation.desc))
    return next((word for word in words if _PLAIN_DESTROYING.fullmatch(word)), "")


def destroys(operation: Operation) -> bool:
    """Whether what it changes may be lost, as far as its author's words say."""
    name, desc = words_of(operation.name), _words_of_text(operation.desc)
    if any(_PLAIN_DESTROYING.fullmatch(_base(word)) for word in (*name, *desc)):
        return True
    return not (name and ADDING.fullmatch(name[0]))


def can_be_repeated(operation: Operation) -> bool:
    """Whether its name is of a change that does no more when it is made twice."""
    name = words_of(operation.name)
    return bool(name) and _REPEATABLE.fullmatch(name[0]) is not None


def says_change(operation: Operation) -> bool:
    """Whether its author's words say that something is changed, whatever its labels say."""
    name, desc = words_of(operation.name), _words_of_text(operation.desc)
    if _CHANGING_IN_CHINESE.search(operation.desc):
        return True
    if name and _PLAIN_DESTROYING.fullmatch(name[0]):
        return True
    # A noun such as `format` may begin a name: then the description knows better.
    if name and is_changing(name[0]) and not _begins_reading(operation.desc, desc):
        return True
    return _orders(name) or _orders(desc) or _tells_of_change(desc)


def _orders(words: Sequence[str]) -> bool:
    """Whether a changing verb stands where orders do: first in a text, or after `and`, `then`.

    So `inspect-pod-restart` and "when the pod restarts" do not, "check and restart" does.
    """
    pairs = zip(words, words[1:], strict=False)
    return any(is_changing(word) and before in _AND for before, word in pairs)


def _tells_of_change(desc: Sequence[str]) -> bool:
    """Whether a description says what is done: "Deletes old files", "...; deletes them"."""
    return any(_tells(*words) for words in _in_context(desc))


def _tells(before: str, word: str, after: str) -> bool:
    """Whether a word is a verb of change, and stands where a verb does."""
    verb, third = _base(word), word.endswith("s")
    sure = _PLAIN_DESTROYING.fullmatch(verb) is not None or verb in _HARDLY_NOUNS
    first, noun = not before, third and not sure and after in _AFTER_NOUNS
    objects = _OBJECTS if first or third else _ACTED_ON
    if is_changing(verb):
        told_next = before in _AND and third and sure
        return after in objects or told_next or (first and not noun)
    acts = after in objects or _acts_on(word, after)
    return verb in _CHANGING_WITH_OBJECT and acts and (first or before in _AND)


def _in_context(words: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """Each word between the one before and the one behind it."""
    return zip(("", *words), words, (*words[1:], ""), strict=False)


def says_reading(operation: Operation) -> bool:
    """Whether the author's words say that it looks, and none of them orders more.

    "When the pod restarts" is no order; "delete" is one wherever it stands in a description.
    """
    name, desc = words_of(operation.name), _words_of_text(operation.desc)
    if any(is_changing(word) for word in (*name[:1], *desc)) or _does_more(operation.desc):
        return False
    if _begins_reading(operation.desc, desc):
        return True
    # Nobody here knows whether words in Chinese say something else than the name.
    return (
        not CHINESE.search(operation.desc)
        and bool(name)
        and (
            _READING.fullmatch(name[0]) is not None or _READING_LAST.fullmatch(name[-1]) is not None
        )
    )


def _does_more(text: str) -> bool:
    """Whether something else than looking seems to be told: what is known is how authors look.

    "Checks it and reports, then empties it" does more, whatever `empties` means.
    """
    joined = _NEXT_SENTENCE.sub(" then ", text[:2000].lower()).replace(",", " and ")
    return any(_seems_to_act(*words) for words in _in_context(_words_of_text(joined)))


def _seems_to_act(before: str, word: str, after: str) -> bool:
    """Whether a word stands where a verb does, and is none of those that look."""
    known = word in _NO_DEED or _READING.fullmatch(_base(word))
    if known or before in _RELATIVE:
        return False
    if before == "then" or after in _IT or (word.endswith("s") and after in _ACTED_ON):
        return True
    told_next = after in _ACTED_ON or _acts_on(word, after)
    return (not before or before in _AND) and told_next


def _acts_on(word: str, after: str) -> bool:
    """Whether it may be a third person, with what it acts on behind it."""
    return word.endswith("s") and bool(after) and after not in _AFTER_NOUNS


def _begins_reading(text: str, words: Sequence[str]) -> bool:
    if _READING_IN_CHINESE.match(text):
        return True
    return bool(words) and _READING.fullmatch(_base(words[0])) is not None


def _base(word: str) -> str:
    """A verb without the ending of the third person: `lists`, `searches`, `queries`."""
    known = [word, word.removesuffix("s"), word.removesuffix("es")]
    known += [f"{word[:-3]}y"] if word.endswith("ies") else []
    return next((one for one in known if _is_verb(one)), word)


def _is_verb(word: str) -> bool:
    reading = _READING.fullmatch(word) is not None
    return reading or is_changing(word) or word in _CHANGING_WITH_OBJECT


def _words_of_text(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z]+", text.lower()[:2000]))
