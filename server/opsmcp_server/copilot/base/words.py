"""Our own words in the chat, in English and Chinese. What the model says is its own affair."""

from collections.abc import Mapping
from types import MappingProxyType

from opsmcp_tools.phrases.phrase import Language

__all__ = ["WORDS", "Words", "language_of"]

WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "welcome": (
            "opsmcp copilot: {tools} tools, model {model}. /help helps; exit, q or Ctrl-D leaves.",
            "opsmcp copilot:{tools} 个工具,模型 {model}。/help 查看帮助;exit、q 或 Ctrl-D 退出。",
        ),
        "thinking": ("thinking", "思考中"),
        "calling": ("{tool}: called", "{tool}:已调用"),
        "you": ("You", "你"),
        "elapsed": ("{seconds} s", "{seconds} 秒"),
        "folded": ("… {lines} more lines", "… 还有 {lines} 行"),
        "folded-run": ("… {lines} more lines: /output {run}", "… 还有 {lines} 行:/output {run}"),
        "yes": ("y = yes", "y = 同意"),
        "no": ("n = no", "n = 拒绝"),
        "edit-choice": ("e = edit an argument", "e = 修改参数"),
        "all": ("a = show all", "a = 显示全部"),
        "more": (
            "... {lines} more lines ({characters:,} characters): see all of it before you agree.",
            "…… 还有 {lines} 行({characters:,} 个字符)。同意前请先查看全部。",
        ),
        "edit": (
            "Which argument, as name=value ({names})",
            "修改哪个参数,格式为 name=value({names})",
        ),
        "edit-bad": (
            "That is not name=value with one of these names: {names}. Again",
            "格式应为 name=value,参数名须为:{names}。请重新输入",
        ),
        "question": ("Run {tool} on {server}?", "在 {server} 上运行 {tool}?"),
        "server-asks": ("{server} asks: {text}", "{server} 询问:{text}"),
        "foreign": (
            "You did not give these values; they may come from what a tool says: {names}",
            "以下参数并非由你给出,可能来自工具所说的内容:{names}",
        ),
        "destructive": (
            "This can destroy or interrupt something.",
            "此操作可能造成破坏或中断。",
        ),
        "not-known": (
            "Nothing says that this only reads.",
            "未说明此操作是否只读。",
        ),
        "declined": ("declined; it was not started", "已拒绝,未启动"),
        "changed": (
            "changed by you; it was not started with these arguments",
            "已由你修改,未以这些参数启动",
        ),
        "stopped": ("stopped; it was not started", "已停止,未启动"),
        "unattended": (
            "A person has to agree to {tool}, and there is no terminal to ask on. It was not "
            "started. To run it: {command}",
            "{tool} 需要有人同意,而这里没有可供询问的终端。未启动。手动运行:{command}",
        ),
        "too-long": (
            "{tool} was not started: a person has to agree, and its arguments are too long to be "
            "read: with them the question has more than {limit:,} characters",
            "{tool} 未启动:需要有人同意,而参数过长,无法阅读:问题连同参数超过 {limit:,} 个字符",
        ),
        "interrupted": ("interrupted", "已中断"),
        "goes-on": (
            "The run goes on: {run} (look at it with /output {run} or `opsmcp runs {run}`)",
            "运行仍在继续:{run}(用 /output {run} 或 `opsmcp runs {run}` 查看)",
        ),
        "goes-on-here": (
            "The run goes on as long as opsmcp copilot does: {run}",
            "只要 opsmcp copilot 不退出,运行就会继续:{run}",
        ),
        "again-leaves": ("Ctrl-C again leaves.", "再按一次 Ctrl-C 退出。"),
        "left": (
            "no longer waited for; what becomes of it is not known",
            "不再等待,其结果未知",
        ),
        "ends-with-us": (
            "The run {run} lives in this process, so it ends now.",
            "运行 {run} 在本进程中,现在随之结束。",
        ),
        "late": ("{tool} has ended: {verdict}", "{tool} 已结束:{verdict}"),
        "late-run": (
            "{tool} has ended: {verdict} (/output {run})",
            "{tool} 已结束:{verdict}(/output {run})",
        ),
        "repeated": (
            "{tool} was called with the same arguments again and again; stopped.",
            "{tool} 被反复以相同参数调用,已停止。",
        ),
        "rounds": (
            "Stopped after {rounds} rounds with the model (copilot.rounds).",
            "与模型往返 {rounds} 次后停止(copilot.rounds)。",
        ),
        "tokens": (
            "Stopped after about {tokens} tokens (copilot.tokens).",
            "使用约 {tokens} 个 token 后停止(copilot.tokens)。",
        ),
        "seconds": (
            "Stopped after {seconds:g} seconds (copilot.seconds).",
            "{seconds:g} 秒后停止(copilot.seconds)。",
        ),
        "unknown-tool": (
            "The model called {tool!r}, but there is no such tool: nothing was called.",
            "模型调用了 {tool!r},但没有这个工具:没有进行调用。",
        ),
        "bad-arguments": (
            "The model called {tool!r} without readable arguments: it was not called.",
            "模型调用了 {tool!r},但参数无法读取:没有进行调用。",
        ),
        "cut-call": (
            "The model's call of {tool!r} was cut off: it was not called.",
            "模型对 {tool!r} 的调用不完整:没有进行调用。",
        ),
        "cut-here": (
            "The answer was longer than {limit} characters; it is cut here.",
            "回答超过 {limit} 个字符,在此截断。",
        ),
        "cut-length": (
            "The answer is not whole: it reached the length that the endpoint gives the model "
            "({reason}).",
            "回答不完整:已达到端点为模型设定的长度上限({reason})。",
        ),
        "cut-filter": (
            "The answer is not whole: a filter of the endpoint cut it ({reason}).",
            "回答不完整:被端点的内容过滤器截断({reason})。",
        ),
        "cut-other": (
            "The answer may not be whole: the endpoint ended it with {reason!r}.",
            "回答可能不完整:端点以 {reason!r} 结束了它。",
        ),
        "shortened": (
            "The conversation was too long for the model; its oldest part was left out.",
            "对话超出模型长度,最早的部分已省略。",
        ),
        "json-mode": (
            "This endpoint takes no tools; asking it for JSON instead.",
            "该端点不支持工具调用,改为要求 JSON。",
        ),
        "refused": ("The model refuses: {text}", "模型拒绝:{text}"),
        "empty": ("The model answered nothing.", "模型没有回答。"),
        "no-endpoint": (
            "no endpoint for a model: set OPENAI_API_KEY, and OPENAI_API_BASE (or -e) unless it "
            "is OpenAI's own",
            "没有模型端点:请设置 OPENAI_API_KEY;若不是 OpenAI 官方,请设置 OPENAI_API_BASE(或 -e)",
        ),
        "no-model": (
            "no model: set OPENAI_API_MODEL, openai.model or -m",
            "没有模型:请设置 OPENAI_API_MODEL、openai.model 或 -m",
        ),
        "bad-key": (
            "{base} does not accept the key: set {key_name}",
            "{base} 不接受此密钥:请设置 {key_name}",
        ),
        "no-such-model": (
            "{base} has no model {model!r}, or is no OpenAI-compatible API: set {model_name} "
            "or {base_name}",
            "{base} 没有模型 {model!r},或不是 OpenAI 兼容接口:请设置 {model_name} 或 {base_name}",
        ),
        "unreachable": (
            "{base} cannot be reached: set {base_name}, or check the network",
            "无法连接 {base}:请设置 {base_name} 或检查网络",
        ),
        "too-slow": (
            "{base} did not answer in time: try again",
            "{base} 未及时回答:请重试",
        ),
        "busy": (
            "{base} has too many requests or no quota left: try again later",
            "{base} 请求过多或额度已用完:请稍后再试",
        ),
        "failed": (
            "{base} failed with status {status}: try again later",
            "{base} 出错,状态 {status}:请稍后再试",
        ),
        "rejected": (
            "{base} rejected the request with status {status}: {text}",
            "{base} 拒绝了请求,状态 {status}:{text}",
        ),
        "not-understood": (
            "{base} did not answer as an OpenAI-compatible API does: set {base_name}",
            "{base} 的回答不符合 OpenAI 兼容接口:请设置 {base_name}",
        ),
        "dropped": (
            "the answer broke off; ask again to go on",
            "回答中断;请再次提问以继续",
        ),
        "overflow": (
            "the question is too long for the model {model}: shorten it, or /clear",
            "问题超出模型 {model} 的长度:请缩短,或使用 /clear",
        ),
        "no-tools": (
            "{model} takes no tools: set copilot.tool_calling to json or auto, or another model",
            "{model} 不支持工具:请将 copilot.tool_calling 设为 json 或 auto,或换一个模型",
        ),
        "mcp-unreachable": (
            "{server} cannot be reached as an MCP server: check --mcp and its token",
            "无法作为 MCP 服务器连接 {server}:请检查 --mcp 及其令牌",
        ),
        "asks-endlessly": ("{server} asked again and again.", "{server} 反复询问。"),
        "mcp-lost": (
            "The connection to {server} was lost; what became of the call is not known.",
            "与 {server} 的连接已断开;该调用的结果未知。",
        ),
        "no-such-name": (
            "There is no tool {tool!r}; /tools lists those that there are.",
            "没有工具 {tool!r};/tools 列出现有的工具。",
        ),
        "no-such-name-but": (
            "There is no tool {tool!r}; the nearest: {near}.",
            "没有工具 {tool!r};最接近的有:{near}。",
        ),
        "no-such-tool": ("There is no tool {tool!r}.", "没有工具 {tool!r}。"),
        "no-tool-fits": ("No tool fits these words.", "没有匹配的工具。"),
        "no-operations": (
            "There are no operations to call; `opsmcp tools --all` says why.",
            "没有可调用的操作;用 `opsmcp tools --all` 查看原因。",
        ),
        "no-such-command": ("There is no {command}; see /help.", "没有 {command};请看 /help。"),
        "usage": ("Usage: {usage}", "用法:{usage}"),
        "saved": ("Saved in {file}.", "已保存到 {file}。"),
        "file-exists": (
            "{file} is there already, and not from this chat: give another name, or remove it",
            "{file} 已存在,且不是本次对话保存的:请换一个文件名,或先删除它",
        ),
        "not-saved": ("{file} cannot be written: {reason}", "无法写入 {file}:{reason}"),
        "cleared": ("Forgotten.", "已清空。"),
        "model": ("Model: {model}", "模型:{model}"),
        "none": ("There is nothing yet.", "还没有内容。"),
        "help": (
            "/tools [words]             the tools, or those that fit\n"
            "/run TOOL name=value ...   call a tool without the model\n"
            "/plan TOOL name=value ...  what a call would do\n"
            "/runs                      recent runs\n"
            "/output RUN                the whole output of a run\n"
            "/history                   the questions so far\n"
            "/clear                     forget the conversation\n"
            "/model [NAME]              show or change the model\n"
            "/save FILE                 write the transcript as Markdown\n"
            "/help                      this\n"
            "exit, q, Ctrl-D            leave\n"
            "Ctrl-C stops an answer or a wait; once more leaves. Alt-Enter begins a new line.",
            "/tools [关键词]             列出工具,或匹配的工具\n"
            "/run TOOL name=value ...   不经模型直接调用工具\n"
            "/plan TOOL name=value ...  查看调用会做什么\n"
            "/runs                      最近的运行\n"
            "/output RUN                查看一次运行的完整输出\n"
            "/history                   已提的问题\n"
            "/clear                     清空对话\n"
            "/model [NAME]              查看或更换模型\n"
            "/save FILE                 将记录保存为 Markdown\n"
            "/help                      本帮助\n"
            "exit、q、Ctrl-D             退出\n"
            "Ctrl-C 停止回答或等待,再按一次退出。Alt-Enter 换行。",
        ),
    }
)


class Words:
    """Our sentences in one language."""

    def __init__(self, language: Language = "en") -> None:
        """Speak `language`."""
        self.language: Language = language
        self._place = 1 if language == "zh" else 0

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of that key, with these values in it."""
        return WORDS[key][self._place].format(**values)


def language_of(environ: Mapping[str, str]) -> Language:
    """The language that the locale of this environment asks for."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].lower().startswith("zh") else "en"
    return "en"
