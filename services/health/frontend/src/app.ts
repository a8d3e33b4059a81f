// Keeps the page up to date, as long as somebody looks at it.

import { extended } from "./history.ts";
import { element, notReached, show } from "./page.ts";
import { poll } from "./poll.ts";
import { type Check, readHistory, readTargets } from "./report.ts";

const PAUSE_MS = 2000;
const PATIENCE_MS = 10_000;

const history = new Map<string, readonly Check[]>();
const button = element("check");
let begun = false;
/** Whether somebody waits for a check of every target. */
let wanted = false;

const polling = poll(async () => {
  try {
    if (!begun) {
      for (const [name, checks] of readHistory(await ask("/api/history"))) history.set(name, checks);
      begun = true;
    }
    const refresh = wanted;
    const targets = readTargets(await ask(`/api/status${refresh ? "?refresh=true" : ""}`));
    if (refresh) wanted = false;
    for (const target of targets) history.set(target.name, extended(history.get(target.name) ?? [], target));
    show(targets, history);
  } catch (error) {
    notReached(error instanceof Error ? error.message : String(error));
  }
  button.ariaDisabled = String(wanted);
}, PAUSE_MS);

async function ask(path: string): Promise<unknown> {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`${path} gives ${answer.status}`);
  return answer.json();
}

button.addEventListener("click", () => {
  wanted = true;
  // not disabled: that would take the keyboard's focus away
  button.ariaDisabled = "true";
  // a question that is under way may not be this one: then the next is, at once
  void polling.now().then(() => (wanted ? polling.now() : undefined));
});
document.addEventListener("visibilitychange", () => (document.hidden ? polling.rest() : void polling.now()));
void polling.now();
