"""2,000 operations of other domains: a verb, a product, a thing of it."""

from itertools import product

from opsmcp_tools.search.index import Document

_PRODUCTS = {
    "postgres": "replica role schema extension slot table index publication sequence view trigger "
    "pool tablespace function checkpoint archive standby partition constraint vacuum",
    "mysql": "user password query pool proxy binlog table replica schema grant trigger event "
    "partition buffer dump cluster router view session gtid",
    "kafka": "topic partition consumer mirror broker offset acl connector schema quota producer "
    "controller segment rebalance listener retention cluster zookeeper stream record",
    "redis": "sentinel snapshot eviction replica key slot cluster stream channel script module acl "
    "client memory persistence expiry shard proxy pipeline latency",
    "vault": "token policy lease mount secret seal key audit role entity auth plugin namespace "
    "quota transit approle certificate replica path wrapping",
    "nginx": "worker upstream certificate vhost rewrite cache limit log module header redirect "
    "location stream proxy config socket acl map resolver zone",
    "gitlab": "runner artifact branch pipeline project group token webhook mirror registry issue "
    "environment variable schedule package snippet release job cache page",
    "aws": "autoscaling bucket key snapshot instance role volume vpc subnet route gateway queue "
    "lambda stack alarm image certificate balancer cluster table",
    "ldap": "replica account group directory schema password acl overlay index entry alias "
    "certificate backend session referral password-policy organisation unit attribute bind",
    "elastic": "index node shard alias snapshot template pipeline mapping role watcher cluster "
    "ingest document token policy repository transform user query cache",
}
_VERBS = {
    "restart": "Restart the {thing} of {product}",
    "inspect": "Show why the {thing} of {product} misbehaves",
    "list": "Print every {thing} of {product}",
    "create": "Add another {thing} to {product}",
    "delete": "Drop one {thing} from {product}",
    "scale": "Change the size of the {thing} of {product}",
    "backup": "Write a copy of the {thing} of {product} to the archive",
    "rotate": "Replace the {thing} of {product} by a fresh one",
    "check": "Tell whether the {thing} of {product} is in order",
    "sync": "Bring the {thing} of {product} in line with its origin",
}


def documents() -> list[Document]:
    """All of them, as the index reads tools."""
    every = (
        (verb, name, thing)
        for (name, things), verb in product(_PRODUCTS.items(), _VERBS)
        for thing in things.split()
    )
    return [
        Document(
            f"{verb}-{name}-{thing}",
            (
                (f"{verb}-{name}-{thing}", 3.0),
                (_VERBS[verb].format(thing=thing, product=name), 2.0),
                (f"cluster host {thing}", 0.3),
            ),
            reads=verb in ("inspect", "list", "check"),
        )
        for verb, name, thing in every
    ]
