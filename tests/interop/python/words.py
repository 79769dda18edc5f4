"""A stranger's addon in Python: counts the words of a text."""

import json
import time

from wit_world import exports
from wit_world.exports.actions import Output


class Actions(exports.Actions):
    def invoke(self, call, name, params):
        words = json.loads(params)["text"].split()
        value = {"words": len(words), "year": time.gmtime().tm_year}
        return Output(json.dumps(value), [])
