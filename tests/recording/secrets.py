"""Secrets to plant. Each text holds one canary, which must not be found afterwards.

The forms are put together here, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
from typing import NamedTuple


class Planted(NamedTuple):
    name: str
    text: str
    canary: str


def _token(length: int, alphabet: str = "Zq7Xw9Kd3Lm5") -> str:
    return (alphabet * (length // len(alphabet) + 1))[:length]


_UPPER = "CANARY7QX2"
_JWT = ".".join(("ey" + "J" + _token(20), "ey" + "J" + _token(40), _token(43)))
_PEM_BODY = "\n".join(_token(64) for _ in range(12))
_BASIC = base64.b64encode(b"canary:hunter-two").decode()

SECRETS = [
    Planted(name, text.replace("@@", canary), canary)
    for name, text, canary in (
        ("password", "password=@@", "hunter2canary01"),
        ("password in words", "the password: @@ was refused", "swordfishcanary"),
        ("password quoted", 'password = "@@"', "hunter2 canary 03"),
        ("password json", '{"user": "bob", "password": "@@"}', "hunter2 canary 04"),
        ("password repr", "{'db_password': '@@', 'port': 1}", "hunter2\\'canary05"),
        ("camel case", "{'dbPassword': '@@'}", "hunter2canary06"),
        ("escaped json", r'body "{\"clientSecret\": \"@@\"}" sent', "hunter2canary07"),
        ("pwd in a connection string", "Server=db;UID=sa;PWD=@@;Port=1", "hunter2canary08"),
        ("conninfo", "connection failed: host=db user=bob password='@@' port=5432", "hunter2canary09"),
        ("api key", "api_key=@@", "canary-key-10"),
        ("header", "x-api-key: @@", "canary-key-11"),
        ("header pair", "[(b'authorization', b'@@'), (b'accept', b'*/*')]", "Canary canary-12"),
        ("authorization bearer", "Authorization: Bearer @@", "canary.bearer/13=="),
        ("authorization digest", 'authorization: Digest username="bob", response="@@"', "canarydigest14"),
        ("bearer alone", "sent Bearer @@ to the server", "canary-bearer-15-long"),
        ("basic alone", "sent Basic @@ to the server", _BASIC),
        ("cookie", "Cookie: a=1; session=@@; b=2", "canarycookie17"),
        ("set-cookie", "set-cookie: sid=@@; HttpOnly", "canarycookie18"),
        ("session id", "session_id=@@", "canarysession19"),
        ("csrf", "csrfmiddlewaretoken=@@&next=/", "canarycsrf20"),
        ("url userinfo", "postgresql://bob:@@@db.internal:5432/app", "canaryurl21"),
        ("redis url", "cannot connect to redis://:@@@cache:6379/0", "canaryurl22"),
        ("query token", "GET https://example.com/a?page=2&access_token=@@&x=1", "canaryquery23"),
        ("presigned s3", "https://b.s3.amazonaws.com/k?X-Amz-Signature=@@&X-Amz-Date=1", "canarypresign24"),
        ("azure sas", "https://a.blob.core.windows.net/c?sv=2022&sig=@@&se=2030", "canary%2Fsas25%3D"),
        ("oauth code", "https://app.example.com/callback?code=@@&scope=x", "canaryoauthcode0000026"),
        ("reset link", "https://app.example.com/reset-password/@@", "canaryreset0000000027"),
        ("jwt", "user sent @@ twice", _JWT),
        ("private key", "-----BEGIN RSA PRIVATE KEY-----\n@@\n-----END RSA PRIVATE KEY-----", _PEM_BODY),
        ("aws", "credentials of AK" + "IA@@ used", _UPPER + "ABCDEF"),
        ("github", "cloning with gh" + "p_@@", _token(36)),
        ("github fine-grained", "token was github_" + "pat_@@", _token(60)),
        ("gitlab", "glpat" + "-@@ rejected", _token(20)),
        ("slack", "posting as xox" + "b-@@", "12345-67890-" + _token(24)),
        ("slack hook", "https://hooks.slack" + ".com/services/@@", "T000/B000/" + _token(24)),
        ("callback", "send it to http://127.0.0.1:4477/callback/@@", "01k3" + _token(65).lower()),
        ("stripe", "charged with sk_" + "live_@@", _token(24)),
        ("openai", "calling with sk" + "-proj-@@", _token(48)),
        ("google", "maps key AI" + "za@@", _token(35)),
        ("sendgrid", "mail by S" + "G.@@", _token(22) + "." + _token(43)),
        ("npm", "publish with npm" + "_@@", _token(36)),
        ("pypi", "upload with py" + "pi-@@", _token(80)),
        ("hugging face", "pull with h" + "f_@@", _token(34)),
        ("sql literal", "ALTER USER bob PASSWORD '@@'", "hunter2 canary 43"),
        ("sql insert", "INSERT INTO users (name, password) VALUES ('bob', '@@')", "hunter2 canary 44"),
        ("sql parameters", "(Error) bad\n[SQL: SELECT 1]\n[parameters: ('bob', '@@')]\n(Background: x)", "canarysql45"),
        ("sql comparison", "SELECT * FROM users WHERE password = '@@' AND id = 1", "hunter2 canary 46"),
        ("command line", "ran: deploy --token @@ --force", "canarycli47"),
        ("xml", "<login><password>@@</password></login>", "hunter2 canary 48"),
        ("url-encoded", "body=%7B%22password%22%3A%22@@%22%7D", "canaryencoded49"),
        ("object", "{'credentials': {'user': 'bob', 'value': '@@'}}", "canaryobject50"),
    )
]
"""At least forty, of every kind that the default rules promise."""


def fragments(canary: str, size: int = 8) -> set[str]:
    """Every part of this length: no part of a secret may be left either."""
    return {canary[start : start + size] for start in range(len(canary) - size + 1)}
