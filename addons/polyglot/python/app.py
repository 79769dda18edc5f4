"""Wordsmith: an action and two hooks in Python.

The world that it is built for comes from addon.toml (`semantest addon world`): each interface that it exports is a class
of that name here.
"""

import dataclasses
import json
import re
import struct

from wit_world import exports
from wit_world.exports import after_image, before_image
from wit_world.exports.actions import Output
from wit_world.imports import config

LIVELIER = {"nice": "graceful", "big": "towering", "small": "dainty", "old": "weathered", "pretty": "radiant"}
# A PNG's width and height stand at byte 16, after its signature and the head of its first chunk.
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def polish(text):
    """The text with livelier words, and which words went."""
    words = LIVELIER | json.loads(config.get())["words"]
    swapped = []

    def swap(match):
        worn = match.group(0)
        livelier = words.get(worn.lower())
        if livelier is None:
            return worn
        swapped.append(worn.lower())
        return livelier.capitalize() if worn[0].isupper() else livelier

    return re.sub(r"[^\W\d_]+", swap, text), swapped


def shape(image):
    """How the picture lies; read from its first bytes, the rest stays in the host."""
    head = image.read(0, 24)
    if image.media_type() != "image/png" or not head.startswith(PNG_HEAD):
        return "picture"
    width, height = struct.unpack(">II", head[16:24])
    return "square" if width == height else "landscape" if width > height else "portrait"


class Actions(exports.Actions):
    def invoke(self, call, name, params):
        text, swapped = polish(json.loads(params)["text"])
        return Output(json.dumps({"text": text, "swapped": swapped}), [])


class BeforeImage(exports.BeforeImage):
    def run(self, call, request):
        prompt, swapped = polish(request.prompt)
        if not swapped:
            return before_image.Verdict_Pass()
        return before_image.Verdict_Rewrite(dataclasses.replace(request, prompt=prompt))


class AfterImage(exports.AfterImage):
    def run(self, call, request, image):
        subject = request.prompt.split(",")[0].strip()
        tags = {"caption": f"{subject[:1].upper()}{subject[1:]}", "shape": shape(image)}
        return after_image.Outcome(after_image.Verdict_Keep(), json.dumps(tags))
