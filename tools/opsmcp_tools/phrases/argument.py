"""What is said of arguments that do not fit: what was given, what is allowed, what was meant."""

from opsmcp_tools.phrases.phrase import Phrase

NOT_STARTED = Phrase("{} was not started. Change these arguments:", "{} 没有启动。请修改以下参数:")
MEANT = Phrase("Meant was probably, and accepted would be: {}", "可能的原意,且会被接受的参数:{}")
NOTHING = Phrase("", "")
BOTH = Phrase("{}{}", "{}{}")
AS_IT_IS = Phrase("{}", "{}")
ONE_OR_OTHER = Phrase("{} or {}", "{} 或 {}")
GIVEN = Phrase("{} was given; {}", "给出的是 {};{}")
DID_YOU_MEAN = Phrase("; did you mean {}?", ";是否指 {}?")
AND_MORE = Phrase(" and {} more", " 等,另有 {} 个")

NO_SUCH_ARGUMENT = Phrase(
    "there is no such argument{} (there are: {})", "没有这个参数{}(可用的有:{})"
)
NO_ARGUMENTS = Phrase("none", "无")
FILLED = Phrase("it is filled by the server; leave it out", "由服务器填写,请去掉")
REQUIRED = Phrase("it is required{}{}", "必填{}{}")
REQUIRED_CHOICES = Phrase("; one of {}", ",取值之一:{}")
REQUIRED_MEANING = Phrase(" ({})", "({})")
TOO_MANY = Phrase("there are {} of them; at most {} are accepted", "共有 {} 个参数,最多接受 {} 个")
TOO_LONG_TOGETHER = Phrase(
    "together they are longer than {} characters", "所有参数合计超过 {} 个字符"
)
NESTED = Phrase(
    "it holds the arguments; give them themselves, not within {}", "参数应直接给出,不要放在 {} 里"
)
NOT_OF_KIND = Phrase("it must be {}{}{}", "必须是:{}{}{}")
OF_FORM = Phrase(", of the form {}", ",形如 {}")
OF_SCHEME = Phrase("{}, of the scheme {}", "{},协议为 {}")
WITHOUT = Phrase("{}, without {}", "{},不含 {}")
TO_DECLARE = Phrase(
    "; if {0} is meant, only its author can allow that: opsmcp/kind.{1}: {0}",
    ";如果本意是 {0},只有其作者可以允许:opsmcp/kind.{1}: {0}",
)
TO_MATCH = Phrase("; only its author can allow that, by a regex", ";只有其作者可以用 regex 允许")
ITS_PLACEHOLDER = Phrase(
    "it must be the text itself, not its placeholder", "必须是文字本身,而不是占位符"
)
PLACEHOLDER = Phrase("; that is a placeholder: give the value itself", ";这是占位符,请给出实际的值")
SEVERAL_VALUES = Phrase("; these are {} values: call once for each", ";这里有 {} 个值,请分别调用")
WITHOUT_PARTS = Phrase("; without {} it would be one", ";去掉 {} 即可")
NOT_ALLOWED_IN_IT = Phrase("; not allowed in it: {}", ";不能含有 {}")
BLANKS = Phrase("blanks", "空格")
NOT_LABEL = Phrase(
    "it must be one Kubernetes label: lower-case letters, digits, '-', at most 63 characters,"
    " beginning and ending with a letter or digit",
    "必须是一个 Kubernetes 标签:小写字母、数字、'-',最多 63 个字符,以字母或数字开头和结尾",
)
ITEM = Phrase("of the item {}: {}", "其中 {}:{}")
NOT_SO_MANY_ITEMS = Phrase("it holds {} items; 1 to {} may be given", "共有 {} 项,可给 1 到 {} 项")
TOO_MANY_HOSTS = Phrase(
    "it means {} hosts, and a run takes at most {}; name fewer of them, or a smaller group",
    "共 {} 台主机,一次运行最多 {} 台;请少给几台,或用更小的分组",
)
UNDECIDABLE = Phrase(
    "with this value step {} could not decide its condition {}: {}",
    "用这个值,步骤 {} 无法判断它的条件 {}:{}",
)
UNSAFE_START = Phrase("it must not begin with one of {}", "不能以 {} 之一开头")
NOT_PLAIN = Phrase(
    "it must be one plain value, no list or object; for several, call once for each",
    "必须是单个值,不能是列表或对象;如有多个,请分别调用",
)
NOT_STRING = Phrase("it must be a string", "必须是字符串")
NOT_NUMBER = Phrase("it must be a whole number{}", "必须是整数{}")
FROM_TO = Phrase(" from {} to {}", ",从 {} 到 {}")
AT_LEAST = Phrase(" of at least {}", ",至少为 {}")
AT_MOST = Phrase(" of at most {}", ",最多为 {}")
NOT_FLAG = Phrase("it must be true or false", "必须是 true 或 false")
NOT_LISTED = Phrase("it must be one of {}{}{}", "必须是以下之一:{}{}{}")
TOO_LONG = Phrase("it is too long", "太长")
HIDDEN = Phrase(
    "it must not hold control characters or characters that cannot be seen",
    "不能含有控制字符或不可见字符",
)
LOOKALIKE = Phrase(
    "it holds characters that look like others; use the plain ones",
    "含有形似其他字符的字符,请使用普通字符",
)
REFERENCE = Phrase(
    "it must not hold '${{', which Ops would fill in", "不能含有 '${{',Ops 会将其替换"
)
DASH = Phrase("it must not start with '-'", "不能以 '-' 开头")
NOT_ONE_MACHINE = Phrase(
    "it must name one machine; selectors and lists are not allowed here (tools.host_selectors)",
    "必须是一台机器;此处不允许选择器或列表(tools.host_selectors)",
)
NO_SUCH_NODE = Phrase(
    "the cluster {} has no such node{} (it has {}{})", "集群 {} 没有这个节点{}(现有:{}{})"
)
OUTSIDE = Phrase("it must be below {} (values.path_roots)", "必须在 {} 之下(values.path_roots)")
NOT_MATCHING = Phrase("it must match {}", "必须匹配 {}")
UNSAFE_TEXT = Phrase(
    "it must not hold double quotes, '$', '`' or '\\'", "不能含有双引号、'$'、'`' 或 '\\'"
)

WRONG_HOST = Phrase(
    "its host must be one of {} (values.url_hosts)", "其主机必须是以下之一:{}(values.url_hosts)"
)
FORBIDDEN_HOST = Phrase(
    "its host is {}, which policy does not allow (values.local_urls)",
    "其主机是{},策略不允许(values.local_urls)",
)
METADATA = Phrase("the metadata of its cloud", "云平台的元数据服务")
METADATA_ADDRESS = Phrase(
    "it is the address of a cloud's metadata, which policy does not allow (values.local_urls)",
    "这是云平台元数据服务的地址,策略不允许(values.local_urls)",
)
LINK_LOCAL = Phrase("a link-local or metadata address", "链路本地或元数据地址")
MACHINE_ITSELF = Phrase("the machine itself", "本机")
FILE_URL = Phrase(
    "it must not name a file by its URL (values.url_schemes)",
    "不能用网址指定文件(values.url_schemes)",
)
NOT_FOUND_OUT = Phrase(
    "where {} leads could not be found out in {} seconds; call again, or allow it by name"
    " (values.url_hosts)",
    "未能在 {1} 秒内解析 {0};请重试,或按名称允许它(values.url_hosts)",
)
MULTICAST = Phrase("its host is a multicast address", "其主机是组播地址")
NO_ADDRESS = Phrase("its host is a number that is no address", "其主机是数字,但不是有效地址")
LEADS_THERE = Phrase("{}: that is where {} leads", "{}:{} 解析到那里")
