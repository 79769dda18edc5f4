"""Keeps one text. The world that it is built against comes from addon.toml (`semantest addon world`)."""

import json

from wit_world import exports
from wit_world.exports.actions import Output
from wit_world.imports import kv


class Actions(exports.Actions):
    def invoke(self, call, name, params):
        text = json.loads(params)["text"]
        # An error of the host goes on to the client as it is: it says which rule was met.
        bucket = kv.open()
        before = bucket.get("text")
        bucket.set("text", text.encode(), None)
        result = {"words": len(text.split())}
        if before is not None:
            result["before"] = bytes(before.value).decode()
        return Output(json.dumps(result), [])
