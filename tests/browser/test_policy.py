"""What the browser keeps the page from doing, whatever gets into it."""

from __future__ import annotations

from tests.browser.site import Site

REFUSED = {
    "text as code": "eval('1')",
    "a function of text": "new Function('return 1')()",
    "markup": "document.body.innerHTML = '<b>x</b>'",
    "a script's text": "const s = document.createElement('script'); s.text = '1'",
    "a script's address": "const s = document.createElement('script'); s.src = '/assets/x.js'",
    "a policy of its own": "trustedTypes.createPolicy('x', {createHTML: (text) => text})",
    "a worker": "new Worker(URL.createObjectURL(new Blob(['1'])))",
}
UNREACHED = (
    "fetch('http://127.0.0.1:9/', {mode: 'no-cors'})",
    "fetch('https://example.com/', {mode: 'no-cors'})",
    "fetch('data:text/plain,x')",
)


def test_what_could_run_a_datum_throws(site: Site) -> None:
    site.serve()
    page = site.open()
    tried = """() => new Promise((tell) => setTimeout(() => {
        try { %s; tell('done'); } catch (error) { tell(error.name); }
    }))"""  # later: what a debugger evaluates may do more
    outcomes = {name: page.evaluate(tried % code) for name, code in REFUSED.items()}
    assert {name: outcome in ("EvalError", "TypeError", "SecurityError") for name, outcome in outcomes.items()} == (
        dict.fromkeys(REFUSED, True)
    )
    site.forgive(lambda text: "Content Security Policy" in text or "Trusted" in text)


def test_nobody_else_can_be_told(site: Site) -> None:
    site.serve()
    page = site.open()
    violated = """() => new Promise((tell) => {
        const listener = (event) => tell(event.effectiveDirective);
        document.addEventListener('securitypolicyviolation', listener, {once: true});
        %s.then(() => tell('done'), () => 0);
    })"""
    for code in UNREACHED:
        assert page.evaluate(violated % code) == "connect-src"
    site.forgive(lambda text: "Content Security Policy" in text or "Fetch API cannot load" in text)


def test_what_stands_in_the_page_is_not_run(site: Site) -> None:
    """Inline code and styles, frames, forms, plugins, a base: nothing of it, however it got there."""
    site.serve()
    page = site.open()
    violated = page.evaluate(
        """() => new Promise((tell) => {
            const seen = [];
            document.addEventListener('securitypolicyviolation', (event) => {
                seen.push(event.effectiveDirective);
                if (seen.length === 5) tell(seen.sort());
            });
            const add = (name, attributes, text) => {
                const made = document.createElement(name);
                for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
                if (text) made.append(text);
                document.body.append(made);
                return made;
            };
            add('style', {}, 'body { color: red }');
            add('p', {style: 'color: red'}, 'text');
            add('iframe', {src: 'https://example.com/'});
            add('base', {href: 'https://example.com/'});
            add('img', {src: 'https://example.com/x.png'});
        })"""
    )
    assert violated == ["base-uri", "frame-src", "img-src", "style-src-attr", "style-src-elem"]
    site.forgive(lambda text: "Content Security Policy" in text)


def test_the_page_stands_in_no_frame(site: Site) -> None:
    site.serve()
    page = site.open()
    other = page.context.new_page()
    other.set_content(f'<iframe src="{site.url()}"></iframe>')
    other.wait_for_load_state()
    assert [frame.url for frame in other.frames[1:]] != [site.url()]
    assert other.frames[1].query_selector("#app") is None
    site.forgive(lambda text: "frame-ancestors" in text or "X-Frame-Options" in text)
