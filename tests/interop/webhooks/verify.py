"""Verifies one webhook with PyPI's standardwebhooks (v1) and cryptography (v1a, from the specification's text).

Reads {"secrets": [...], "keys": [...], "headers": {...}, "body": "..."} and prints, of each secret and each public key
(`whpk_...`), whether it verifies the webhook.
"""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError


def verifies_v1(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


def verifies_v1a(key, headers, body):
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for signature in headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        if version != "v1a":
            continue
        try:
            public.verify(base64.b64decode(encoded), signed)
            return True
        except InvalidSignature:
            pass
    return False


def main():
    asked = json.load(sys.stdin)
    headers, body = asked["headers"], asked["body"]
    print(json.dumps({
        "v1": [verifies_v1(secret, headers, body) for secret in asked["secrets"]],
        "v1a": [verifies_v1a(key, headers, body) for key in asked["keys"]],
    }))


main()
