"""What words mean together, wherever they stand in a question: disk and write are disk io.

Each line of `_TOGETHER` has the ideas that are meant, then sets of words of which all must be said.
A word is an idea of `vocabulary`, a sign, or an English word. Signs say something only in company:
each line of `_SIGNS` is about one, and its first word names it. Pure data and functions on it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache

from opsmcp_tools.search.vocabulary import stem

__all__ = ["asks", "inferred", "rules", "signs_in"]

_SIGNS = """
again return returned rejoin join joins resume recover recovered 回 恢复 anymore back 又 再 重新
all everything every each entire whole 所有 全部 都 全 每
app apps application program software 应用 程序
away off out elsewhere leave other another 走 离 别的 其他 其它
before ahead advance beforehand early already first prior upfront 先 提前 预先 之前 前
biggest largest big large size fat 大
busy heavy heaviest saturated saturation hammering intensive overloaded rising 高 忙 猛
copy copies copied copying bring push transfer 搬 拷 复制 传 推
done swapped replaced patched upgraded recovered 换好 换完 修复 搞定 弄好 升级完 over finished
done repaired fixed complete completed healthy 好了 修好 完了 完成 结束 恢复
ends die dies died dying exit exits exited crash crashes crashed crashing fall falls goes 崩 挂 死
ends 退出 没了
find finds search filter look only select 找 搜 过滤 筛 查 只看
free left remaining available room 剩 余
gone scrapped thrown vanished decommissioned missing 早就没 没有的 不在了 下架 removed dead
gone obsolete retired exist exists 不要 报废 没有了
high roof spike spiking spiked peak sky surge surging soar soaring 飙 狂 疯 busy heavy saturated 高
high 忙 满 猛
host 这台 那台 一台 每台 这机 该机 此机 机子
inside within 里 内部 里面
keep keeps kept always repeatedly constantly loop loops forever over 老 总 一直 反复 不停 不断 频繁
many times column 次 count number total 几 多少
move moves moving shift kick push migrate relocate 搬 移 迁 挪 赶 腾
much lots huge massive 很多 大量
name names named called tag label 名 叫 标签
new additional more further fresh any anything 新
not cant couldn stop stops stopped avoid 别 不到 不了 不出 不起来 死活 没法 拒绝 no never dont don
not cannot doesn didn isn isnt aren wasn hasn won wont shouldn wouldn nobody nothing refuses
not without unable fails failed 不 没 无法 未 无
open opens reach reaching access load loads loading visit 打开 访问 开
people customer customers user users client clients partner they 客户 用户 对方
place home spot room fit house slot seat somewhere 地方 位置 容身 塞 落 分 put land assign assigned
place accept take receive schedule scheduled allow let 放 调度 分配 派 接 往 调
pod job jobs task tasks training 任务 作业 训练
reading read reads readers reader 读
recent last latest previous tail 最近 最后 最新
red broken dead crashed failed evicted stale old ghost orphaned 死 失败 坏 残留
rid bin trash sweep tidy reap 弄掉 扔 扫 清掉 清理 清一 清空 清除 清了 清下 delete deletes deleted
rid remove removes removed drop wipe clear clean kill kills rm throw erase purge cancel terminate
rid 删 杀 干掉 去掉 移除 扔掉 取消
say mutter muttering whisper complain complained complaining scream spew emit report reports
say reporting reported wrote tells shout cry 报啥 报什么 报的 报了 吐 嚷 says said write printed
say print prints output outputs spit tell told 说 打印 输出
still yet remains stays 还
takes take taking eats eat eating uses using use used holds holding hold hogs occupies 占 吃 用
tell show list check verify view display describe inspect diagnose investigate print export dump
tell explain examine test query lookup log status event overview whether 有没有 列出 查 检测 排查
tell 诊断 日志 状态 情况 吗 没有 是否 看 瞅 事件 呢 么
touch before 动 碰 维护 下架 停机
turn switch power flip
want need wanted needed necessary 要 需要
where 在哪 哪台 哪个节点 whereabouts other another elsewhere different 别的 另 其他
who which what whose whats whos culprit guilty blame responsible offender 谁 哪 什么 啥
why reason cause how explain 为什么 为啥 怎么 咋 原因 怎么回事
word words string text phrase contain contains containing match matches matching mention mentions
word lines exception exceptions pattern timeout message messages keyword grep term 字 词 含 包含 带
word 里有
works working work ok okay fine well alive healthy good up 好 正常 活
writing write writes wrote written 写
"""

_TOGETHER = """
pod: deploy; docker app; service pod
disk io process: disk writing; disk reading; disk busy; io who; io busy; process io; io takes; io
disk io process: reading writing; disk high; reading who; writing who; writing high; disk light
disk io process: reading disk
disk usage: disk takes; disk who; disk biggest; disk free; disk many; file biggest; disk red
disk usage: volume not writing; disk packed; volume biggest; file many; disk not writing
clear disk: disk rid; log rid; disk move; file rid; image rid; old rid; disk rid place; disk place
clear disk: disk not left; file left; build rid; disk red rid
top process: cpu who; memory who; cpu takes; memory takes; cpu busy; memory busy; process takes
top process: process biggest; process top; memory top; cpu top; memory not; memory gone
top process: process who; fan high; fan who; fan scream; who high; process who high; host runaway
top process: host what runs
overview host: host slow; host works; host busy; node slow; host status; host general
overview host: host condition; cpu memory; host inspect; host overview; fan high; fan scream
overview host: host begin; host start; alert host; host look overall; page host
process pod: process pod; process inside; pod inside; run inside pod; running pod inside
process pod: pod inside works
port listen: port who; port takes; port open; port list; port used
service status: service works; service ends; service run; service status; service still
service status: service again start; service self start; service start after; service up after
service status: service survive; service start; service gone; service host gone; agent works
service status: agent up; agent down
service log: service log; service say; log nginx; unit log; service why; service not start
service log: service start not; service why not; unit not start; nginx say
check http: http works; http open; http not; http slow; http ends; http status; site not
check http: customer site; people page; people site; checkout page; people not open; http people
check http: not page
check dns: domain point; domain machine; dns not; dns works; dns check; dns who; dns ip; domain ip
check certificate: certificate when; certificate many; certificate still; certificate works
check certificate: browser not; connection private; browser warn; site secure; certificate people
public ip: ip internet; ip outside; ip our; ip world; public who; ip firewall; ip leave
public ip: people public; people allow; people firewall; whitelist people; 白名单 people
search ip cluster: ip who; ip pod; ip service; ip belong; ip behind; ip find; ip hitting
search ip cluster: ip traffic
get log pod: log app; app say; pod say; pod log; log recent; pod recent; say recent; app log
get log pod: read log; pod mutter; pod say what; pod ends say; pod ends recent
get log pod keyword: log word; log find; say word; log search; find say; log line; find say pod
get log pod keyword: find log; log count; mention log; word log; mention pod; pod process id
get log pod keyword: pod request; log exception; log 找
get pod yaml: pod spec; pod yaml; pod configuration; pod limits; config pod; pod definition
get pod yaml: pod image who; pod use image; pod account
describe pod: pod event; pod detail; pod describe; pod code; restart many; pod where; pod node ip
describe pod: pod ip who node; error who; restart who; pod why rid; pod why ends
inspect pod restart: pod keep ends; pod keep restart; restart why pod; restart why
inspect pod restart: pod restart many; keep ends; restart keep; pod again ends; pod again restart
inspect pod restart: pod ends again; pod fall; pod start fall; pod start ends; pod ends keep
inspect pod restart: start ends again; up falls; pod keep rid; pod probe rid; pod busy restart
inspect pod restart: pod high restart; restart many; restart column; pod why rid; pod why ends
inspect pod restart: pod why again
inspect pod error: pod why; pod error; app error; pod not works; pod not start; image pull not
inspect pod error: image pull error; image not pull; not pull; image down not; app not start
inspect pod error: start not error
inspect pod pending: pod not place; pod not node; pod not host; pod pending; app not place
inspect pod pending: pod still pending; pod new not node; new not place; scale not start
inspect pod pending: not place pod; scale not; new not start; replica not; pod not fit; scale place
inspect svc error: service error event; service error why; service error inspect; service event
inspect svc error: svc error
clear pod: pod clear; pod rid all error; pod all ends; pod ends rid; pod done rid; pod error rid
clear pod: pod old rid; pod leftover; pod red rid; pod red left; pod red many; rid red pod
clear pod: pod red rid all; pod red old
force delete pod: rid still; rid not; pod not ends; rid stuck; rid force; pod ends force
force delete pod: rid pending; kill pod; rid keep; pod rid hard; pod not rid; not rid; pod rid not
force delete pod: pod not gone; pod gone not
restart pod: turn off on; pod off on; app off on; app restart; pod start again; pod fresh start
restart pod: pod restart; app stuck; pod kick; turn pod off; pod again start
restart node: node turn off on; host turn off on; host restart; node restart; host stuck restart
restart node: node boot; host not works; node brick; host brick; node not answer; host not answer
restart node: node power; host power; host not ping
get pod: list error pod; app works; app not works; which error; who error; pod error list
get pod: pod works; namespace error; namespace works; pod where; pod node ip; pod ip who node
get pod: pod since
list pod: list error pod; app works; app not works; which error; who error; pod error list
list pod: who running; namespace error; namespace works; any error; any ends; any not works
list pod: list ends pod; pod ends many; restart who; who pending; who ends; pod overview
list pod: pod error overview
list pod node: node affected; host affected; pod wide node; pod node who; pod node list
list pod node: pod node many; who runs node; who runs host; pod host who; app node who
list pod node: who node runs; pod host list; who host on; touch who; node who; host above who
list pod node: node touch who; host touch who; node lives; who lives; host lives
node status: node works; node not works; node status; node ready; node ends; node alive; node still
node status: node condition; node error; node back who; node back; node living
list node: cluster member; node list; node many; cluster node many; node who
list host: host many; host list; host who; host all; host own
cordon: node away place; host away place; node stop place; node not place; host not place
cordon: not new pod; not place pod; not more pod; node not schedule; node no more; not schedule
cordon: node not new; host not new; suspect node not; node suspect; host suspect; not place new
cordon: host place not new; away host new; node new not; node block; host block; host new block
cordon: node cordon
uncordon: node place again; host place again; node done; node schedule again; host again pod
uncordon: place pod again; node maintenance done; cordon undo; cordon not again; cordon cancel
uncordon: cordon remove; node work again; host work again; again join; host again join; node join
uncordon: done node; host done again; node unblock; host unblock; node may pod; host may pod
uncordon: node may again; host may again
drain: pod away node; pod move node; pod away host; all away node; all away host; pod move host
drain: pod all away; node empty; move all node; node maintenance; host maintenance; pod other node
drain: node touch rid; host touch rid; node down rid; host empty; node rid before; node down away
drain: node down empty; host down empty; pod all rid node; pod rid node; node move other
drain: host move other; node load move; host load move; node rid all pod
delete host: host rid; host gone; host not want; host list rid; host not exist; host leave
delete host: host sold; node gone; host gone list; host gone still; host long gone; node gone list
delete host: host gone rid; gone list; host not list; host exist not
list cluster: cluster many; cluster list; cluster who; cluster all; cluster name
list namespace: namespace many; namespace list; namespace who; namespace all; cluster namespace
create namespace: namespace create; namespace new; namespace want; team new; namespace make
create namespace: team space; team own; space own; people new space; project space; namespace team
create namespace: namespace project; namespace people
list dataset: dataset many; dataset list; dataset who; dataset all; dataset name
dataset status: dataset status; dataset ready; dataset done; dataset still; dataset works
dataset status: dataset progress; dataset check; dataset loaded; cache done; data warm
dataset status: dataset warm; warm yet; data yet; data ready; data done
preload dataset: dataset before; dataset load; dataset cache; dataset warm; dataset preload
preload dataset: cache data; dataset pull; dataset memory; slow data; data slow; epoch slow
preload dataset: cache data before; s3 data; data cache
preload image: image before; image cache; image node all; image preload; image pull all
preload image: pull all node; pull node; image pull node; image warm; image start slow; image big
preload image: image large; image tomorrow; image storm; image release
sync image: image copy; image registry; image where; image push; image mirror; image sync
sync image: image transfer; image offline; image over registry; image available; image both
sync image: image into; image to harbor
retag image: image name; image rename; image tag; image label; image new tag; image change
kernel set: kernel set; kernel change; limit raise; limit set; limit increase; kernel parameter
kernel set: raise max
restart kubelet: kubelet not; kubelet stuck; kubelet ends; kubelet works; kubelet dead
restart kubelet: kubelet error
restart containerd: containerd not; containerd stuck; containerd ends; containerd dead
restart containerd: containerd error; docker hang; docker stuck; docker not; containerd hang
restart gpu manager: gpu manager; gpu pod not; gpu not allocate; gpu plugin; gpu allocate
restart gpu manager: gpu not assign; gpu not place; gpu not see
restart fabricmanager: fabricmanager; gpu link; gpu interconnect; gpu each other; gpu communication
collect gpu log: gpu log; gpu error; gpu inspect; gpu fault; gpu broken; gpu collect
collect npu log: npu log; npu error; npu inspect; npu fault; npu broken; npu collect
delete kas job: job rid; job stop; job kas; job end; cancel training
list pipeline: pipeline list; pipeline who; pipeline many; tool list; tool who; you run list
list pipeline: you run; menu run; run things menu; run can i
metric error 200: error responses; error answers; responses pod; metric pod; metric error
metric error 200: error http pod; http status pod; pod http error; pod error many; request error
delete pod 200: metric rid; error responses rid; error answer rid; error http rid; pod 200 rid
delete pod 200: metric restart
delete pod log: pod log rid; log restart pod; log rid if; pod say rid
clear mount: mount rid; mount stale; mount leftover; mount old; mount not; mount dead; mount still
set kernel: limit small; backlog; buffer small; too small; table overflow; connections many limit
"""

_AS_ONE, _AS_AGREED = 0.6, 0.2
"""What an idea counts that was inferred: so much, and so much more for each word that agrees."""

_QUESTION = frozenset({"who", "why", "many", "tell"})


def signs_in(words: Iterable[str]) -> set[str]:
    """The signs among the words of a question; a run of Chinese is one word."""
    english, chinese = _signs()
    found: set[str] = set()
    for word in words:
        if word.isascii():
            found |= english.get(stem(word), frozenset())
        else:
            found.update(sign for said, sign in chinese if said in word)
    return found


def inferred(said: Set[str]) -> Iterator[tuple[str, float]]:
    """The ideas that `said` (ideas, signs, stems) mean together; the more agree, the surer."""
    for needs, ideas in rules():
        if needs <= said:
            sure = _AS_ONE + _AS_AGREED * len(needs)
            yield from ((idea, sure) for idea in ideas)


def asks(said: Set[str]) -> bool:
    """Whether these are the words of who wants to know, not to change."""
    return not _QUESTION.isdisjoint(said)


@cache
def _signs() -> tuple[Mapping[str, frozenset[str]], Sequence[tuple[str, str]]]:
    """The signs of English words, and the Chinese words with theirs."""
    english: dict[str, frozenset[str]] = {}
    chinese: list[tuple[str, str]] = []
    for line in _SIGNS.strip().splitlines():
        words = line.split()
        sign = words[0]
        for word in words:
            if word.isascii():
                root = stem(word)
                english[root] = english.get(root, frozenset()) | {sign}
            else:
                chinese.append((word, sign))
    return english, chinese


@cache
def rules() -> Sequence[tuple[frozenset[str], tuple[str, ...]]]:
    """What must be said, and the ideas that are then meant."""
    signs = {line.split()[0] for line in _SIGNS.strip().splitlines()}
    made: list[tuple[frozenset[str], tuple[str, ...]]] = []
    for line in _TOGETHER.strip().splitlines():
        ideas, _, sets = line.partition(": ")
        for words in sets.split("; "):
            needs = frozenset(word if word in signs else stem(word) for word in words.split())
            made.append((needs, tuple(ideas.split())))
    return made
