import { useState } from "preact/hooks";
import { acceptToken } from "../api/token";
import { Button } from "../parts/Button";
import { Command } from "../parts/states";
import "./token-prompt.css";

/** No token: says where the link comes from, and takes it. */
export function TokenPrompt({ refused }: { refused: boolean }) {
  const [wrong, setWrong] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("link");
    if (field instanceof HTMLInputElement) setWrong(!acceptToken(field.value));
  };
  return (
    <main class="prompt" id="main" tabIndex={-1}>
      <h1>This page needs its link</h1>
      <p>
        {refused
          ? "The server no longer takes the link this page was opened with. It prints the one that works when it starts:"
          : "Only who has the link may read the run log. The command prints it when it starts:"}
      </p>
      <Command text="runlog ui" />
      <form class="prompt-form" onSubmit={submit}>
        <label for="link">Or paste the link here</label>
        <div class="prompt-row">
          <input
            id="link"
            name="link"
            class="field"
            autoComplete="off"
            spellcheck={false}
            aria-invalid={wrong}
            aria-describedby="link-note"
          />
          <Button type="submit" kind="primary">
            Open
          </Button>
        </div>
        <p id="link-note" class="prompt-note" role="alert">
          {wrong && "That is not such a link: it ends in #token=…"}
        </p>
      </form>
    </main>
  );
}
