// The page: the markup is the service's, here it is filled in.

import down from "./down.svg";
import { bars, HEIGHT, summary } from "./history.ts";
import { type Check, headline, type State, type Target, worst } from "./report.ts";
import unknown from "./unknown.svg";
import up from "./up.svg";

const ICONS = { up, down, unknown };
const SVG = "http://www.w3.org/2000/svg";
/** What each picture shows: it is drawn anew only for other checks. */
const drawn = new WeakMap<Element, readonly Check[]>();

/** Shows what is known about every target. */
export function show(targets: readonly Target[], history: ReadonlyMap<string, readonly Check[]>): void {
  head(headline(targets), worst(targets));
  const items = targets.map((target) => filled(target, history.get(target.name) ?? []));
  const list = element("targets");
  // only where one came or went: what is put in again loses its focus and its selection
  if (items.some((item, place) => list.children[place] !== item) || list.children.length > items.length) {
    list.replaceChildren(...items);
  }
  element("notice").hidden = true;
  document.body.classList.remove("stale");
  write(element("updated"), new Date().toLocaleTimeString());
}

/** Says that the service is not reached; what is shown stays, and is marked as old. */
export function notReached(why: string): void {
  head("No answer", "unknown");
  const notice = element("notice");
  write(notice, `health is not reached: ${why}. What you see is of ${element("updated").textContent}. Asking again …`);
  notice.hidden = false;
  document.body.classList.add("stale");
}

function head(words: string, state: State): void {
  write(element("headline"), words);
  document.title = words;
  document.body.dataset["status"] = state;
  document.querySelector("link[rel=icon]")?.setAttribute("href", ICONS[state]);
}

/** Gives the target's element, the one that is there or a new one, as it must be now. */
function filled(target: Target, checks: readonly Check[]): Element {
  const there = [...element("targets").children].find((each) => each.getAttribute("data-name") === target.name);
  const item = there ?? (element("target") as HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(item instanceof HTMLElement)) throw new Error("the page has no template for a target");
  item.dataset["name"] = target.name;
  item.dataset["status"] = target.status;
  const slots: Record<string, string> = {
    name: target.name,
    url: target.url,
    status: target.status,
    latency: target.latency_ms === null ? "" : `${target.latency_ms} ms`,
    note: target.last_error === null ? "" : `last error: ${target.last_error}`,
    checked: target.checked_at === null ? "not checked yet" : `checked ${localTime(target.checked_at)}`,
    optional: target.required ? "" : "optional",
    summary: summary(checks),
  };
  for (const [name, words] of Object.entries(slots)) write(slot(item, name), words);
  draw(slot(item, "history"), checks);
  return item;
}

function draw(picture: Element, checks: readonly Check[]): void {
  if (drawn.get(picture) === checks) return;
  drawn.set(picture, checks);
  picture.replaceChildren(
    ...bars(checks, localTime).map(({ status, x, width, height, words }) => {
      const bar = document.createElementNS(SVG, "rect");
      const places = { class: status, x, width, height, y: HEIGHT - height };
      for (const [name, value] of Object.entries(places)) bar.setAttribute(name, String(value));
      const title = document.createElementNS(SVG, "title");
      title.textContent = words;
      if (words) bar.append(title);
      return bar;
    }),
  );
}

function localTime(iso: string): string {
  return new Date(iso).toLocaleTimeString();
}

/** Changes a text only where it differs: a screen reader says what changed, and a selection stays. */
function write(place: Element, words: string): void {
  if (place.textContent !== words) place.textContent = words;
}

function slot(item: Element, name: string): Element {
  const found = item.querySelector(`[data-slot=${name}]`);
  if (found === null) throw new Error(`the page has no place for a target's ${name}`);
  return found;
}

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
