"""The same addon, a version later: it also remembers how many words there were so far, and asks for `kv` to do it."""

import json

from wit_world import exports
from wit_world.exports.actions import Output
from wit_world.imports import kv


class Actions(exports.Actions):
    def invoke(self, call, name, params):
        words = len(json.loads(params)["text"].split())
        with kv.open() as bucket:
            total = bucket.increment("total", words, None)
        return Output(json.dumps({"words": words, "total": total}), [])
