"""A token completed by somebody outside, with the URL that was made for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from runlog.config import Settings
from runlog.tasks import wait
from runlog.tasks.callbacks import Callbacks
from runlog.web.security.rates import Rates
from tests.web.asking import HOST, Answer, Asked

pytestmark = pytest.mark.anyio
JSON = ("content-type", "application/json")


async def made(asked: Asked, **options: Any) -> wait.Token:
    await asked.services.project.open()
    return await wait.create_token(**options)


async def call(asked: Asked, url: str | None, body: bytes = b"{}", **options: Any) -> Answer:
    assert url is not None
    path = url.removeprefix("http://127.0.0.1:4477")
    return await asked.ask("POST", path, [("host", HOST), JSON], body, **options)


async def test_a_callback_completes_its_token_once(asked: Asked) -> None:
    token, other = await made(asked, idempotency_key="once"), await made(asked)
    answer = await call(asked, token.callback_url, b'{"by": "Ada"}')
    assert (answer.status, answer.json) == (200, {"completed": True})
    assert (await wait.for_token(token)).output == {"by": "Ada"}
    again = await call(asked, token.callback_url, b'{"by": "Eve"}')
    assert again.status == 410
    assert (await wait.for_token(token)).output == {"by": "Ada"}
    assert not (await wait.for_token(other, timeout=0)).ok
    same = await made(asked, idempotency_key="once")  # an attempt that runs again tells the same URL
    assert same.callback_url == token.callback_url


async def test_a_token_whose_time_is_over_is_gone(asked: Asked) -> None:
    assert (await call(asked, (await made(asked, timeout=0)).callback_url)).status == 410


async def test_a_secret_is_whole_and_says_nothing_else(asked: Asked) -> None:
    token = await made(asked)
    url = token.callback_url or ""
    assert len(url.rpartition("/")[2]) == 26 + 43
    unknown = f"/callback/{'0' * 26}{'A' * 43}"
    answers = [await call(asked, text) for text in (url[:-1] + ("A" if url[-1] != "A" else "B"), unknown)]
    assert [(one.status, one.body) for one in answers] == [(404, answers[1].body)] * 2
    for text in (url[:-1], url + "A", f"/callback/{token.id}", "/callback/", "/callback"):
        assert (await call(asked, text)).status == 404
    assert not (await wait.for_token(token, timeout=0)).ok
    assert url.rpartition("/")[2] not in repr(token)


async def test_a_secret_of_another_project_is_none_here(asked: Asked, tmp_path: Path) -> None:
    token = await made(asked)
    elsewhere = Settings.load(tmp_path, {"database": "sqlite:///elsewhere"})
    assert (await call(asked, Callbacks(elsewhere).url(token.id))).status == 404


async def test_its_body_is_json_of_a_bounded_size(asked: Asked) -> None:
    url = (await made(asked)).callback_url
    for body, status in ((b"", 400), (b"{", 400), (b'"' + b"x" * 256 * 1024 + b'"', 413)):
        assert (await call(asked, url, body)).status == status
    path = (url or "").removeprefix("http://127.0.0.1:4477")
    assert (await asked.ask("POST", path, [("host", HOST)], b"{}")).status == 415
    assert (await asked.ask("POST", path, [("host", "evil.example"), JSON], b"{}")).status == 403
    assert (await asked.ask("GET", path, [("host", HOST)])).status == 405
    assert (await call(asked, url, b"null")).status == 200


async def test_it_begins_with_the_address_that_the_project_names(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "runlog.toml").write_text('[ui]\nurl = "https://runs.example.com/x"\n')
    token_id = "token_" + "0" * 26
    assert (Callbacks(Settings.load()).url(token_id) or "").startswith("https://runs.example.com/x/callback/000")
    monkeypatch.setenv("RUNLOG_UI_URL", "http://127.0.0.1:5000")
    assert (Callbacks(Settings.load()).url(token_id) or "").startswith("http://127.0.0.1:5000/callback/")


async def test_a_project_that_cannot_keep_the_key_has_no_callbacks(asked: Asked) -> None:
    await asked.services.project.open()
    asked.settings.folder.chmod(0o777)
    assert (await wait.create_token()).callback_url is None


async def test_only_so_many_are_let_in(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked.app, "_rates", Rates(lambda: 0.0))
    url = f"/callback/{'0' * 26}{'A' * 43}"
    statuses = [(await call(asked, url)).status for _ in range(61)]
    assert statuses[:60] == [404] * 60
    refused = await call(asked, url)
    assert (statuses[60], refused.code, refused.header("retry-after")) == (429, "too-many", "1")
    assert (await call(asked, url, client="10.0.0.7")).status == 404  # another address


def test_many_addresses_are_no_way_round() -> None:
    now = time.monotonic()
    rates = Rates(lambda: now)
    waits = [rates.take(f"10.0.{number // 256}.{number % 256}") for number in range(3000)]
    assert [bool(seconds) for seconds in waits] == [False] * 200 + [True] * 2800
    now += 1.0
    assert [bool(rates.take(f"10.1.0.{number}")) for number in range(101)] == [False] * 100 + [True]
