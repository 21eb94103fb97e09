"""Hundreds of texts that would do harm, in every field that the page shows: none of them is anything but text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from runlog.stores.base import DEBUG, ERROR, PLUGIN_EVENT, STREAM_PREFIX, WORKER_EVENT, Event
from runlog.system.text import visible
from tests.browser.corpus import PAYLOADS
from tests.browser.made import MadeRun, Writer, run_id, writing
from tests.browser.site import Site

WIDE, TALL, INSPECTED, JOINED = 2001, 2002, 2003, 3000
TOGETHER = 40
"""Payloads in one field of the runs whose pages are opened."""
SOME = [" ".join(PAYLOADS[number::40]) for number in range(40)]
"""All payloads, some in each text."""

WATCH = """
window.found = [];
const known = JSON.stringify([Object, Array, Function, String, Map, Node].map((made) =>
    Object.getOwnPropertyNames(made.prototype).concat(Object.getOwnPropertyNames(made))));
window.harm = () => {
    const now = JSON.stringify([Object, Array, Function, String, Map, Node].map((made) =>
        Object.getOwnPropertyNames(made.prototype).concat(Object.getOwnPropertyNames(made))));
    if (now !== known) window.found.push('a prototype was changed');
    if ('__xss' in window) window.found.push('a script ran');
    return window.found;
};
document.addEventListener('securitypolicyviolation', (event) =>
    window.found.push(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
const never = new Set(['IFRAME', 'FRAME', 'FRAMESET', 'OBJECT', 'EMBED', 'APPLET', 'BASE', 'XSS', 'IMG', 'IMAGE',
    'AUDIO', 'VIDEO', 'MATH', 'PORTAL', 'MARQUEE', 'PLAINTEXT', 'XMP', 'STYLE', 'FOREIGNOBJECT', 'ANIMATE', 'SET',
    'USE', 'TEMPLATE', 'ISINDEX', 'NOEMBED', 'B\\u200b']);
const leads = new Set(['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'srcdoc', 'background', 'poster']);
const judge = (element) => {
    const name = element.tagName.toUpperCase();
    if (never.has(name)) window.found.push(`element: ${name}`);
    if ((name === 'SCRIPT' || name === 'LINK') && element.parentNode !== document.head)
        window.found.push(`element: ${name} outside of the head`);
    for (const attribute of element.attributes) {
        if (attribute.name.startsWith('on')) window.found.push(`attribute: ${attribute.name}`);
        if (!leads.has(attribute.name)) continue;
        const to = new URL(attribute.value, location.href);
        const other = to.origin !== location.origin;
        if (!['http:', 'https:', 'blob:'].includes(to.protocol)) window.found.push(`leads to ${attribute.value}`);
        else if (other && name !== 'A') window.found.push(`loads ${attribute.value}`);
        else if (other && !/noopener/.test(element.rel)) window.found.push(`opens ${attribute.value}`);
    }
};
new MutationObserver((changes) => {
    for (const change of changes) {
        if (change.type === 'attributes') judge(change.target);
        for (const node of change.addedNodes) {
            if (!(node instanceof Element)) continue;
            judge(node);
            for (const inner of node.querySelectorAll('*')) judge(inner);
        }
    }
}).observe(document, {childList: true, subtree: true, attributes: true});
"""

SCROLL = """async (selector) => {
    const list = document.querySelector(selector);
    const frame = () => new Promise(requestAnimationFrame);
    for (let still = 0; still < 30; still++) {
        const before = list.scrollTop;
        list.scrollTop += list.clientHeight;
        await frame();
        await frame();
        if (list.scrollTop !== before) still = 0;
    }
}"""
"""To the end of a list, also of one that loads more as its end comes into sight."""

STEP = """async (steps) => {
    const rows = document.querySelector('.tl-scroll');
    const title = () => document.querySelector('.inspector[aria-busy=false] h2');
    const titles = [title().textContent];
    for (let step = 0; step < steps; step++) {
        const before = title();
        rows.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true, cancelable: true}));
        for (let turn = 0; turn < 400 && (title() === before || title() === null); turn++)
            await new Promise((go) => setTimeout(go, 5));
        titles.push(title()?.textContent ?? '');
    }
    return titles;
}"""
"""Row by row through the timeline; returns the titles that the inspector showed."""


def fill(site: Site) -> None:
    with writing(site.folder) as log:
        log.write(events=list(processes()))
        for number, payload in enumerate(PAYLOADS):
            write_listed(log, number, payload)
        write_wide(log)
        write_tall(log, TALL, PAYLOADS)
        write_tall(log, INSPECTED, SOME)
        for number in range(0, len(PAYLOADS), TOGETHER):
            write_joined(log, JOINED + number, PAYLOADS[number : number + TOGETHER])


def processes() -> Iterator[Event]:
    """What a worker tells of itself and of its instrumentations."""

    def told(name: str, message: str, attributes: dict[str, Any]) -> Event:
        now = MadeRun(1).now
        known = {"event.name": name, "worker.name": "worker-1", **attributes}
        return Event(0, "log", None, None, None, None, now, None, DEBUG, None, name, message, known)

    resource = {f"resource.{payload}": payload for payload in PAYLOADS}
    yield told(WORKER_EVENT, "worker {worker.name}", {"process.pid": 1, "host.name": PAYLOADS[0], **resource})
    for number, payload in enumerate(PAYLOADS):
        attributes: dict[str, Any] = dict.fromkeys(("version", "reason", "fix", "source", "distribution"), payload)
        attributes |= {"plugin": f"{payload} {number}", "state": payload, "targets": [payload], "notes": [payload]}
        yield told(PLUGIN_EVENT, "instrumentation {plugin}", {**attributes, f"options.{payload}": payload, "spans": 1})


def write_listed(log: Writer, number: int, payload: str) -> None:
    """One run for one payload: in lists each stands alone. And a line of each, and an exception that was logged."""
    made = MadeRun(number + 1, payload, ago=4000 - number)
    made.log(payload, level=ERROR, source=f"logging:{payload}", attributes={payload: payload, "a": payload},
             exception=exception(payload))  # fmt: skip
    error = {"type": payload, "message": payload, "exception": exception(payload)}
    log.write([made.run("FAILED", error=error, errors=1, **row(payload))], made.events)


def write_wide(log: Writer) -> None:
    """One span with all payloads, wherever a span has several of something."""
    made = MadeRun(WIDE, "wide", ago=3000)
    whole = exception("wide")
    whole["notes"] = SOME
    whole["frames"] = [frame(text) for text in SOME]
    whole["group"] = [exception(text) for text in SOME[:25]]
    whole["dropped"] = dict.fromkeys(SOME, 1)
    table = {payload: payload for payload in PAYLOADS}
    link = {"trace_id": "ab" * 16, "span_id": "cd" * 8, "attributes": table}
    made.span(
        "all of it",
        exception=whole,
        attributes=table,
        events=[{"name": text, "time": made.now, "attributes": {text: text}} for text in SOME],
        links=[link],
        truncated=dict.fromkeys(PAYLOADS, 1),
        dropped=dict.fromkeys(PAYLOADS, 1),
        result=table,
    )
    headers = {f"http.request.header.{payload}": [payload] for payload in PAYLOADS}
    made.span("the call", attributes={"http.request.method": "GET", "url.full": PAYLOADS[0], **headers})
    made.log("all of it", attributes=table)
    log.write([made.run("COMPLETED", payload=table, output=list(PAYLOADS), metadata=table)], made.events)


def write_tall(log: Writer, number: int, texts: Sequence[str]) -> None:
    """A span and a log for each text, wherever they have only one of something."""
    made = MadeRun(number, "tall", ago=2000)
    for at, text in enumerate(texts):
        attributes = {
            "db.query.text": text, "db.system.name": text, "url.full": text, "http.request.method": text,
            "code.file.path": text,
        }  # fmt: skip
        span = made.span(
            f"{text} {at}", exception=exception(text), attributes=attributes, icon=text, scope=text,
            status_message=text, kind=text, links=[{"trace_id": text, "span_id": text, "attributes": {}}],
        )  # fmt: skip
        source = ("logger", "stdout", f"{STREAM_PREFIX}{text}", f"logging:{text}")[at % 4]
        made.log(f"{at}: {text}", span, source=source, level=(5, 9, 13, 17)[at % 4])
    log.write([made.run("COMPLETED")], made.events)


def write_joined(log: Writer, number: int, payloads: Sequence[str]) -> None:
    """A run of many payloads, whose page is opened."""
    made = MadeRun(number, "joined", ago=1000)
    text = " ".join(payloads)
    made.span(text, exception=exception(text))
    made.end(exception(text))
    error = {"type": text, "message": text, "exception": exception(text)}
    values = row(text) | {"tags": tuple(payloads), "options": {payload: payload for payload in payloads}}
    log.write([made.run("FAILED", error=error, errors=1, **values)], made.events)


def row(payload: str) -> dict[str, Any]:
    options = dict.fromkeys(("concurrency_key", "idempotency_key", "schedule_id", "batch_id", "debounce_key"), payload)
    return {
        "task": payload, "queue": payload, "tags": (payload,), "reason": payload, "cause": {"code": payload},
        "worker": payload, "code_version": payload, "options": options, "payload": {payload: payload},
        "output": payload, "metadata": {payload: {payload: payload}},
    }  # fmt: skip


def exception(payload: str) -> dict[str, Any]:
    cause = {"type": payload, "module": payload, "message": payload, "frames": []}
    return {
        "type": payload, "module": payload, "message": payload, "notes": [payload], "frames": [frame(payload)],
        "cause": cause,
    }  # fmt: skip


def frame(payload: str) -> dict[str, Any]:
    return {"file": f"/{payload}", "line": 1, "function": payload, "source": payload}


@pytest.fixture
def page(shared: Site) -> Iterator[Page]:
    """A page that is watched: whatever a text does in it is found at the end."""
    page = shared.open("/openapi")
    page.get_by_role("heading", name="Routes").wait_for()
    requests: list[str] = []
    page.context.on("request", lambda request: requests.append(request.url))
    page.add_init_script(WATCH)
    yield page
    assert page.evaluate("window.harm()") == []
    ours = (shared.url("/api/"), shared.url("/assets/"), f"blob:{shared.url('/')}")
    places = ("/runs", "/logs", "/errors", "/plugins")
    strange = [url for url in requests if not url.startswith(ours + tuple(map(shared.url, places)))]
    assert strange == []


def go(page: Page, shared: Site, path: str) -> None:
    """Another view; what was found in the one before is kept."""
    if page.evaluate("'harm' in window"):
        assert page.evaluate("window.harm()") == []
    page.goto(shared.url(path))


def test_the_list_of_runs_with_its_facets_columns_and_histogram(shared: Site, page: Page) -> None:
    go(page, shared, "/runs?columns=status,task,queue,tags,version,happened,attr.a,payload.x")
    list_ = page.get_by_role("grid", name="Runs")
    list_.get_by_role("row").nth(3).wait_for()
    page.evaluate(SCROLL, "[role=grid]")
    whole = len(PAYLOADS) + len(range(0, len(PAYLOADS), TOGETHER)) + 3
    expect(list_).to_have_attribute("aria-rowcount", str(whole + 1))
    for button in page.get_by_role("complementary", name="Values to filter by").get_by_role("button").all()[:12]:
        button.hover()


def test_the_page_of_a_run(shared: Site, page: Page) -> None:
    for number in range(0, len(PAYLOADS), TOGETHER):
        go(page, shared, f"/runs/{run_id(JOINED + number)}")
        expect(page.locator(".cause")).to_contain_text(visible(PAYLOADS[number]).split("\n")[0].strip()[:200])
        for tab in ("Payload & result", "Context", "Logs"):
            page.get_by_role("tab", name=tab).click()
            expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")


def test_every_row_of_a_timeline(shared: Site, page: Page) -> None:
    go(page, shared, f"/runs/{run_id(TALL)}?fold=0")
    expect(page.locator(".tl-summary")).to_contain_text(f"{2 * len(PAYLOADS) + 2:,} rows")
    page.evaluate(SCROLL, ".tl-scroll")
    page.locator(".tl-row").last.wait_for()


def test_what_the_inspector_says_of_every_row(shared: Site, page: Page) -> None:
    go(page, shared, f"/runs/{run_id(INSPECTED)}?fold=0")
    expect(page.locator(".tl-summary")).to_contain_text(f"{2 * len(SOME) + 2:,} rows")
    page.locator(".tl-scroll").focus()
    for key in ("Home", "j", "j", "Enter"):
        page.keyboard.press(key)
    page.locator(".inspector h2").wait_for()
    titles = page.evaluate(STEP, 2 * len(SOME))
    named = [visible(f"{text} {at}") for at, text in enumerate(SOME)]
    assert [name for name in named if not any(title.endswith(name) for title in titles)] == []


def test_attributes_exceptions_events_and_links_of_one_span(shared: Site, page: Page) -> None:
    go(page, shared, f"/runs/{run_id(WIDE)}?fold=0")
    for name in ("all of it", "the call"):
        page.locator(".tl-row").filter(has_text=name).first.click()
        inspector = page.locator(".inspector")
        inspector.locator("h2").filter(has_text=name).wait_for()
        if name == "all of it":
            keys = inspector.locator("table[aria-label=Attributes] th").all_text_contents()
            assert sorted(keys) == sorted(visible(payload) for payload in PAYLOADS)
            inspector.locator("button").filter(has_text="more of this group").click()


def test_payload_result_and_context(shared: Site, page: Page) -> None:
    go(page, shared, f"/runs/{run_id(WIDE)}?tab=data")
    for title in ("Payload", "Result", "Metadata"):
        part = page.get_by_role("region", name=title)
        part.locator(".json-row").first.wait_for()
    page.evaluate(SCROLL, "[aria-label=Payload] .json-list")
    go(page, shared, f"/runs/{run_id(WIDE)}?tab=context")
    page.get_by_text(visible(PAYLOADS[0])).first.wait_for()


def test_log_lines_and_what_is_around_them(shared: Site, page: Page) -> None:
    go(page, shared, "/logs")
    lines = page.get_by_role("grid", name="Log lines")
    lines.get_by_role("row").first.wait_for()
    page.evaluate(SCROLL, "[role=grid]")
    lines.get_by_role("row").nth(2).click()
    page.get_by_role("complementary", name="Inspector").get_by_role("heading").first.wait_for()
    page.keyboard.press("c")
    go(page, shared, f"/runs/{run_id(TALL)}?tab=logs")
    page.get_by_role("tabpanel").get_by_role("row").first.wait_for()
    page.evaluate(SCROLL, "[role=tabpanel] .virtual")


WALK = """async (places) => {
    for (const place of places) {
        history.pushState(null, '', place);
        dispatchEvent(new PopStateEvent('popstate'));
        for (let turn = 0; turn < 3; turn++) await new Promise(requestAnimationFrame);
    }
}"""


@pytest.mark.parametrize("view", ["runs", "logs", "errors"])
def test_a_query_in_the_address(shared: Site, page: Page, view: str) -> None:
    go(page, shared, f"/{view}")
    page.evaluate(WALK, [f"/{view}?q={text}&from={text}&columns={text}" for text in addressed()])
    for payload in (PAYLOADS[0], "status:", "<img src=x onerror=window.__xss=1>"):
        go(page, shared, f"/{view}?q={quote(payload, safe='')}")
        expect(page.get_by_role("main").get_by_role("combobox")).to_have_value(payload)


def test_any_address_of_a_run(shared: Site, page: Page) -> None:
    go(page, shared, f"/runs/{run_id(WIDE)}")
    names = ("tab", "span", "event", "filter", "level", "from", "to")
    run = f"/runs/{run_id(WIDE)}?"
    page.evaluate(WALK, [run + "&".join(f"{name}={text}" for name in names) for text in addressed()])
    page.evaluate(WALK, [f"/runs/{text}" for text in addressed()])
    page.evaluate(WALK, [f"/errors/{text}" for text in addressed()])


def addressed() -> Iterator[str]:
    """All of them, some in one address: a browser takes only so many addresses in a time."""
    for number in range(0, len(PAYLOADS), TOGETHER):
        yield quote(" ".join(payload[:300] for payload in PAYLOADS[number : number + TOGETHER]), safe="")


def test_errors_and_instrumentations(shared: Site, page: Page) -> None:
    go(page, shared, "/errors")
    page.get_by_role("main").get_by_role("row").nth(3).wait_for()
    page.evaluate(SCROLL, "main [role=grid]")
    page.get_by_role("main").get_by_role("row").nth(3).click()
    expect(page).to_have_url(re.compile("/errors/[0-9a-f]{16}"))
    page.locator(".exception").first.wait_for()
    go(page, shared, "/plugins")
    page.get_by_text(visible(PAYLOADS[0])).first.wait_for()


IN_FILE = """() => [
    '__xss' in window,
    document.querySelectorAll('script').length,
    [...document.querySelectorAll('#app *')].filter((element) =>
        /^(IFRAME|OBJECT|EMBED|BASE|IMG|IMAGE|AUDIO|VIDEO|XSS|MATH|STYLE|SCRIPT|LINK)$/i.test(element.tagName)
        || [...element.attributes].some(({name}) => name.startsWith('on'))
        || /^\\s*(javascript|data|vbscript):/i.test(element.getAttribute('href') ?? '')
    ).map((element) => element.outerHTML.slice(0, 200)),
]"""


@pytest.mark.parametrize("number", [WIDE, TALL])
def test_a_run_as_a_file(shared: Site, tmp_path: Path, number: int) -> None:
    file = tmp_path / "run.html"
    file.write_text(shared.runlog("export", run_id(number), "--format", "html"), encoding="utf-8")
    page = shared.open_file(file)
    page.locator(".tl-row").first.wait_for()
    scripts = page.evaluate("document.querySelectorAll('script').length")
    assert scripts == 2  # the page's own, and the data, which is none
    page.evaluate(SCROLL, ".tl-scroll")
    page.locator(".tl-row:visible").last.click()
    page.locator(".inspector h2").wait_for()
    for tab in ("Logs", "Payload & result", "Context"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        assert page.evaluate(IN_FILE) == [False, scripts, []]
