// Keys: every view registers what it answers to, and `?` lists what is registered now.
import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useLayoutEffect, useRef } from "preact/hooks";

export interface Binding {
  /** As KeyboardEvent.key has it: "j", "?", "ArrowDown"; with "Mod+", "Alt+", "Shift+" before; "g r" is g, then r. */
  key: string;
  label: string;
  run: (event: KeyboardEvent) => void;
}

interface Group {
  name: string;
  layer: number;
  bindings: () => Binding[];
}

/** How many dialogs this is in: while one is open, only its own keys work. */
export const KeyLayer = createContext(0);

const SEQUENCE = 1200;
const groups: Group[] = [];
const layers: number[] = [];
const changes = signal(0);
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

/** Register keys while the component is shown. A later component's binding of the same key wins. */
export function useKeys(group: string, bindings: Binding[]): void {
  const layer = useContext(KeyLayer);
  const latest = useRef(bindings);
  latest.current = bindings;
  useLayoutEffect(() => registerKeys({ name: group, layer, bindings: () => latest.current }), [group, layer]);
}

/** Keep the keys of everything below this layer from working, while a dialog is open. */
export function useKeyLayer(): number {
  const layer = useContext(KeyLayer) + 1;
  useLayoutEffect(() => {
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, [layer]);
  return layer;
}

export function registerKeys(group: Group): () => void {
  groups.push(group);
  changes.value += 1;
  return () => {
    groups.splice(groups.indexOf(group), 1);
    changes.value += 1;
  };
}

/** What works below the dialogs, for the list of keys: groups in the order of registration. */
export function activeKeys(): { name: string; bindings: Binding[] }[] {
  changes.value;
  const found = new Map<string, Binding[]>();
  for (const group of groups) {
    if (group.layer === 0) found.set(group.name, [...(found.get(group.name) ?? []), ...group.bindings()]);
  }
  return [...found].map(([name, bindings]) => ({ name, bindings }));
}

export function startKeys(): void {
  addEventListener("keydown", onKey);
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || takesText(event.target)) return;
  const name = nameOf(event);
  if (name === null) return;
  const sequence = prefix === "" ? name : `${prefix} ${name}`;
  const binding = find(sequence) ?? find(name);
  clearTimeout(prefixTimer);
  prefix = "";
  if (binding !== null) {
    if ((event.key === "Enter" || event.key === " ") && answersEnter(event.target)) return;
    event.preventDefault();
    binding.run(event);
  } else if (startsSequence(name)) {
    prefix = name;
    prefixTimer = setTimeout(() => {
      prefix = "";
    }, SEQUENCE);
  }
}

/** The name of what was pressed; null for what is the browser's own or only a modifier. */
export function nameOf(event: KeyboardEvent): string | null {
  const { key } = event;
  if (["Shift", "Control", "Alt", "Meta", "Dead", "Process", "Unidentified"].includes(key)) return null;
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  const alt = event.altKey ? "Alt+" : "";
  // The shift of a character is in the character.
  const shift = event.shiftKey && (key.length > 1 || key === " ") ? "Shift+" : "";
  return mod + alt + shift + (key === " " ? "Space" : key);
}

function find(name: string): Binding | null {
  const layer = Math.max(0, ...layers);
  for (let index = groups.length - 1; index >= 0; index--) {
    const group = groups[index];
    if (group?.layer !== layer) continue;
    const binding = group.bindings().find((item) => item.key === name);
    if (binding !== undefined) return binding;
  }
  return null;
}

function startsSequence(name: string): boolean {
  const layer = Math.max(0, ...layers);
  return groups.some(
    (group) => group.layer === layer && group.bindings().some((item) => item.key.startsWith(`${name} `)),
  );
}

const NO_TEXT = new Set(["button", "checkbox", "radio", "range", "color", "submit", "reset", "file"]);

function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !NO_TEXT.has(target.type);
  return target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT";
}

function answersEnter(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("a[href], button, summary, [role=button]") !== null;
}
