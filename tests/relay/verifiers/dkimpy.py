"""Verifies every DKIM signature of the message on standard input; a JSON line for each.

usage: dkimpy.py DNS_PORT < message
"""

import json
import sys

import dkim
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.1"]
resolver.port = int(sys.argv[1])


def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    try:
        answer = resolver.resolve(name, "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(answer[0].strings)


message = sys.stdin.buffer.read()
count = sum(1 for name, _ in dkim.DKIM(message).headers if name.lower() == b"dkim-signature")
for index in range(count):
    # A verifier keeps state, so each signature gets a fresh one.
    verifier = dkim.DKIM(message)
    try:
        verdict, why = bool(verifier.verify(idx=index, dnsfunc=txt)), None
    except dkim.DKIMException as error:
        verdict, why = False, repr(error)
    fields = {k.decode(): v.decode() for k, v in (verifier.signature_fields or {}).items()}
    print(json.dumps({"verified": verdict, "why": why, "algorithm": fields.get("a"), "domain": fields.get("d"),
                      "headers": fields.get("h", "").lower().replace(" ", "").split(":")}))
