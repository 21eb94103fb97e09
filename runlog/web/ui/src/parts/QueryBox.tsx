// The box for the query language: coloured, completed from the server, with its error where it is.
import type { RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../api/types";
import { pieces } from "../format/query";
import { useKeys } from "../state/keys";
import { Button } from "./Button";
import { Completer, type Offer, taken } from "./completer";
import { Icon } from "./Icon";
import { QueryHelp } from "./QueryHelp";
import { recentQueries, rememberQuery } from "./recent";
import "./query-box.css";

export interface QueryBoxProps {
  /** The query in force. */
  value: string;
  onApply: (query: string) => void;
  /** Of which list: completions and recent queries differ. */
  view: "runs" | "logs";
  label: string;
  placeholder: string;
}

export function QueryBox(props: QueryBoxProps) {
  const box = useQueryBox(props);
  const { text, offers, active, problem, focused, input, id } = box;
  const open = focused && offers.length > 0;
  return (
    <div class="query" onFocusOut={box.onFocusOut}>
      <div class={`query-field${problem ? " query-wrong" : ""}`}>
        <Icon name="search" />
        <div class="query-stack">
          <Colours text={text} problem={problem} scroll={box.scroll} />
          <input
            ref={input}
            class="query-input"
            type="text"
            role="combobox"
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            enterkeyhint="search"
            maxLength={4000}
            value={text}
            placeholder={props.placeholder}
            aria-label={props.label}
            aria-expanded={open}
            aria-autocomplete="list"
            aria-controls={`${id}-list`}
            aria-activedescendant={open && active >= 0 ? `${id}-${active}` : undefined}
            aria-invalid={problem !== null}
            aria-describedby={problem && focused && active < 0 ? `${id}-problem` : undefined}
            onInput={box.onInput}
            onKeyDown={box.onKeyDown}
            onScroll={box.onScroll}
            onSelect={box.onScroll}
            onFocus={box.onFocus}
            onClick={box.onFocus}
          />
        </div>
        {text !== "" && <Button kind="quiet" icon="cross" label="Clear the query" onClick={() => box.apply("")} />}
        <QueryHelp onExample={box.apply} />
      </div>
      <div class="query-below">
        {problem && focused && active < 0 && <Wrong id={`${id}-problem`} problem={problem} />}
        <Offers id={id} offers={open ? offers : []} active={active} onTake={box.take} />
      </div>
    </div>
  );
}

/** What is typed, the list below it, and the keys for both. */
function useQueryBox({ value, onApply, view }: QueryBoxProps) {
  const [completer] = useState(() => new Completer(view));
  const [text, setText] = useState(value);
  const [active, setActive] = useState(-1);
  const [focused, setFocused] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const caret = useRef<number | null>(null);
  const id = useId();
  const offers = completer.offers.value;

  useEffect(() => {
    setText(value);
    completer.check(value);
  }, [value, completer]);
  useEffect(() => () => completer.close(), [completer]);
  useLayoutEffect(() => {
    const element = input.current;
    if (element && caret.current !== null) element.setSelectionRange(caret.current, caret.current);
    caret.current = null;
    onScroll();
  });
  useKeys("Search", [{ key: "/", label: "Search", run: () => focusAll(input.current) }]);

  const ask = (now: string, at: number) => completer.typed(now, at, recentQueries(view));
  const onScroll = () => {
    if (input.current && scroll.current) scroll.current.scrollLeft = input.current.scrollLeft;
  };
  const apply = (query: string) => {
    const wanted = query.trim();
    setText(wanted);
    setActive(-1);
    completer.check(wanted);
    rememberQuery(view, wanted);
    onApply(wanted);
  };
  const take = (offer: Offer) => {
    if (offer.recent) return apply(offer.text);
    const next = taken(text, offer);
    caret.current = next.caret;
    setText(next.text);
    setActive(-1);
    input.current?.focus();
    ask(next.text, next.caret);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: active + 1, ArrowUp: active < 0 ? offers.length - 1 : active - 1 }[event.key];
    const chosen = offers[event.key === "Tab" && active < 0 ? 0 : active];
    if (to !== undefined && offers.length) setActive(to >= offers.length ? -1 : to);
    else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey && text.trim())) && chosen) take(chosen);
    else if (event.key === "Enter") apply(text);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
  };
  const leave = () => {
    if (offers.length) completer.close();
    else {
      setText(value);
      completer.check(value);
      input.current?.blur();
    }
    setActive(-1);
  };
  return {
    ...{ text, offers, active, focused, input, scroll, id, onScroll, apply, take, onKeyDown },
    problem: text !== value && isUnfinished(completer.problem.value, text, offers) ? null : completer.problem.value,
    onInput: () => {
      const element = input.current;
      if (!element) return;
      setText(element.value);
      setActive(-1);
      setFocused(true);
      ask(element.value, element.selectionStart ?? element.value.length);
    },
    onFocus: () => {
      setFocused(true);
      const element = input.current;
      if (element) ask(element.value, element.selectionStart ?? element.value.length);
    },
    onFocusOut: (event: FocusEvent) => {
      const next = event.relatedTarget;
      if (next instanceof Node && event.currentTarget instanceof Node && event.currentTarget.contains(next)) return;
      setFocused(false);
      completer.offers.value = [];
    },
  };
}

/** What is missing at the end of what one types is not an error yet, nor is the beginning of what is offered there. */
function isUnfinished(problem: Problem | null, text: string, offers: readonly Offer[]): boolean {
  const at = problem?.position ?? -1;
  return at >= text.length || offers.some((offer) => !offer.recent && at >= offer.start && at < offer.end);
}

function focusAll(element: HTMLInputElement | null): void {
  element?.focus();
  element?.select();
}

/** The same text below the input, in colours: the input itself is transparent. */
function Colours({
  text,
  problem,
  scroll,
}: {
  text: string;
  problem: Problem | null;
  scroll: RefObject<HTMLDivElement | null>;
}) {
  const at = problem?.position ?? null;
  return (
    <div class="query-colours" aria-hidden ref={scroll}>
      {pieces(text).map((piece) => {
        const wrong = at !== null && at >= piece.start && at < piece.end;
        return (
          <span key={piece.start} class={`query-${piece.kind}${wrong ? " query-bad" : ""}`}>
            {text.slice(piece.start, piece.end)}
          </span>
        );
      })}
      {at !== null && at >= text.length && <span class="query-bad">{"  "}</span>}
    </div>
  );
}

function Wrong({ id, problem }: { id: string; problem: Problem }) {
  return (
    <div class="query-problem" id={id} role="status">
      <Icon name="warn" />
      <span>
        {problem.what}
        {problem.why && problem.position === undefined && <span class="query-why"> {problem.why}</span>}
        {problem.fix && <span class="query-why"> {problem.fix}</span>}
      </span>
    </div>
  );
}

interface OffersProps {
  id: string;
  offers: readonly Offer[];
  active: number;
  onTake: (offer: Offer) => void;
}

function Offers({ id, offers, active, onTake }: OffersProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div
      class="query-offers"
      role="listbox"
      id={`${id}-list`}
      aria-label="Completions"
      ref={list}
      hidden={offers.length === 0}
    >
      {offers.map((offer, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's
        <div
          key={`${offer.recent ? "recent " : ""}${offer.text}`}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          class="query-offer"
          aria-selected={at === active}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onTake(offer)}
        >
          {offer.recent && <Icon name="clock" />}
          <span class="query-offer-label">{offer.label}</span>
          <span class="query-offer-detail">{offer.recent ? "recent" : offer.detail}</span>
        </div>
      ))}
    </div>
  );
}
