"""What is said in definitions of tools. Short: a definition is paid for in every request."""

from opsmcp_tools.phrases.phrase import Phrase
from opsmcp_tools.phrases.tool_names import LIST_INVENTORY

STOP = Phrase(".", "。")
"""What ends a sentence of an author before one of ours."""

BETWEEN = Phrase(" ", "")
"""What stands between two sentences of ours."""

READS = Phrase("Only reads.", "只读。")
CHANGES = Phrase("Changes something.", "会产生变更。")
DELETES = Phrase("No undo.", "无法撤销。")
INTERRUPTS = Phrase("Interrupts service.", "会中断服务。")
DESTROYS = Phrase("Can interrupt or destroy.", "可能造成中断或破坏。")
CONTESTED = Phrase("Labelled read-only, but runs {}.", "标注为只读,但会执行 {}。")
NOT_KNOWN = Phrase("Not known to be read-only.", "未确认只读。")
STEPS = Phrase("Steps: {}.", "步骤:{}。")
VARIANTS = Phrase("Variants: {}.", "变体:{}。")
PLAIN = Phrase("Plain form: {}.", "普通形式:{}。")
TRY_FIRST = Phrase("Try {} first.", "先试 {}。")
UNDO = Phrase("Undo: {}.", "撤销:{}。")

OPTIONAL = Phrase("may be empty", "可为空")
DEFAULT_CLUSTER = Phrase("default {}", "默认 {}")
ELSE_LOCAL = Phrase("else local", "否则本地")
DOWN = Phrase("down: {}", "不可达:{}")
SILENT = Phrase("silent: {}", "无心跳:{}")
WHERE = Phrase("where to run", "在哪里运行")
OR_NODE = Phrase("or a node of cluster", "或 cluster 的节点")
COUNTED = Phrase(
    f"one of {{}} {{}}s; {LIST_INVENTORY} has them", f"共 {{}} 个 {{}},见 {LIST_INVENTORY}"
)
CHOICES = Phrase("one of {} choices, such as {}", "共 {} 个选项,例如 {}")
MATCHING = Phrase("must match {}", "须匹配 {}")
SEVERAL = Phrase("each: {}", "每项:{}")
BOUNDS = Phrase("{} to {}", "{} 到 {}")
