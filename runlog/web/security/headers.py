"""The headers of every answer, whoever gives it: they tell the browser what the page may never do."""

from __future__ import annotations

from starlette.types import Message, Send

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", "; ".join(_POLICY).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
UNCACHED = (b"cache-control", b"no-store")


def with_headers(send: Send) -> Send:
    """Answer with the headers, and uncached unless the answer says otherwise."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in ours]
            if all(name.lower() != UNCACHED[0] for name, _ in headers):
                headers.append(UNCACHED)
            message["headers"] = [*headers, *HEADERS]
        await send(message)

    return sending
