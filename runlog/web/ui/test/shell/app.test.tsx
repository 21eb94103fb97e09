// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

vi.mock("../../src/runs/RunsPage", () => ({ RunsPage: () => <p>the runs</p> }));
vi.mock("../../src/plugins/PluginsPage", () => ({
  PluginsPage: () => {
    throw new Error("a plugin without a name");
  },
}));

let root: HTMLElement;
let answers: Record<string, () => Response>;

beforeEach(() => {
  vi.resetModules();
  vi.spyOn(console, "error").mockImplementation(() => {});
  root = document.createElement("div");
  document.body.append(root);
  sessionStorage.clear();
  answers = { "/api/session": () => Response.json(SESSION) };
  vi.stubGlobal("BroadcastChannel", undefined); // the pages of other tests are no tabs of this one
  vi.stubGlobal("fetch", async (path: string) => {
    const answer = answers[path];
    if (!answer) throw new TypeError("refused");
    return answer();
  });
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("with its link the page shows the view, its title and whose runs they are", async () => {
  await open("/runs#token=secret-token");
  await vi.waitFor(() => expect(root.textContent).toContain("the runs"));
  expect(document.title).toBe("Runs · shop");
  expect(root.querySelector(".top-name")?.textContent).toBe("shop");
  expect(root.querySelector(".top-link[aria-current]")?.textContent).toBe("Runs");
});

test("without a link it says how to get one, and takes it", async () => {
  await open("/runs");
  await vi.waitFor(() => expect(root.textContent).toContain("This page needs its link"));
  expect(root.textContent).toContain("runlog ui");
  await paste("not a link");
  expect(root.querySelector("[role=alert]")?.textContent).toContain("#token=");
  await paste("http://127.0.0.1:4477/#token=secret-token");
  await vi.waitFor(() => expect(root.textContent).toContain("the runs"));
});

test("a link that the server refuses is told from none", async () => {
  answers["/api/session"] = () =>
    Response.json({ error: { code: "unauthorized", what: "no such token" } }, { status: 401 });
  await open("/runs#token=an-old-token");
  await vi.waitFor(() => expect(root.textContent).toContain("no longer takes the link"));
  expect(sessionStorage.length).toBe(0);
});

test("no server: says so, and tries again", async () => {
  delete answers["/api/session"];
  await open("/runs#token=secret-token");
  await vi.waitFor(() => expect(root.textContent).toContain("The server does not answer"));
  answers["/api/session"] = () => Response.json(SESSION);
  button("Try again").click();
  await vi.waitFor(() => expect(root.textContent).toContain("the runs"));
});

test("a view that fails shows what failed and leaves the rest", async () => {
  const { navigate } = await open("/plugins#token=secret-token");
  await vi.waitFor(() => expect(root.textContent).toContain("a plugin without a name"));
  act(() => navigate("/runs"));
  await vi.waitFor(() => expect(root.textContent).toContain("the runs"));
  expect(document.activeElement?.id).toBe("main");
});

test("? lists the keys that work", async () => {
  await open("/runs#token=secret-token");
  await vi.waitFor(() => expect(root.textContent).toContain("the runs"));
  act(() => void dispatchEvent(new KeyboardEvent("keydown", { key: "?" })));
  expect(root.querySelector("dialog")?.textContent).toContain("Go to the logs");
});

async function open(address: string) {
  history.replaceState(null, "", address);
  const { startSession } = await import("../../src/state/session");
  const { startKeys } = await import("../../src/state/keys");
  const { navigate } = await import("../../src/state/url");
  const { App } = await import("../../src/app");
  startSession();
  startKeys();
  act(() => render(<App />, root));
  return { navigate };
}

async function paste(text: string): Promise<void> {
  const field = root.querySelector("input");
  if (!field) throw new Error("no field");
  field.value = text;
  await act(
    () => void root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true })),
  );
}

function button(text: string): HTMLButtonElement {
  const found = [...root.querySelectorAll("button")].find((item) => item.textContent?.includes(text));
  if (!found) throw new Error(`no button ${text}`);
  return found;
}

const SESSION = {
  project: "shop",
  version: "1.0",
  scope: "operate",
  can_operate: true,
  time: Date.now(),
  has_log: true,
};
