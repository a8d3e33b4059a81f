// What the service says of its targets. It is looked at as it arrives: nothing else gets to the page.

export type State = "up" | "down" | "unknown";

/** One time that a target was asked. */
export interface Check {
  readonly status: State;
  readonly latency_ms: number | null;
  readonly checked_at: string;
}

/** What is known about one target. */
export interface Target {
  readonly name: string;
  readonly url: string;
  readonly required: boolean;
  readonly status: State;
  readonly latency_ms: number | null;
  readonly checked_at: string | null;
  readonly last_error: string | null;
}

/** Reads the body of /api/status. */
export function readTargets(body: unknown): Target[] {
  return list(field(body, "targets")).map((each) => ({
    name: text(field(each, "name")),
    url: text(field(each, "url")),
    required: field(each, "required") === true,
    status: state(field(each, "status")),
    latency_ms: orNull(number)(field(each, "latency_ms")),
    checked_at: orNull(text)(field(each, "checked_at")),
    last_error: orNull(text)(field(each, "last_error")),
  }));
}

/** Reads the body of /api/history: each target's last checks, the newest last. */
export function readHistory(body: unknown): Map<string, Check[]> {
  const targets = Object.entries(record(field(body, "targets")));
  return new Map(targets.map(([name, checks]) => [name, list(checks).map(readCheck)]));
}

function readCheck(value: unknown): Check {
  return {
    status: state(field(value, "status")),
    latency_ms: orNull(number)(field(value, "latency_ms")),
    checked_at: text(field(value, "checked_at")),
  };
}

/** Says of all targets in one line how they are; the service says the same in the page that it sends. */
export function headline(targets: readonly Target[]): string {
  const notUp = targets.filter(({ status }) => status !== "up").map(({ name }) => name);
  if (notUp.length > 0) return `Not up: ${notUp.join(", ")}`;
  return targets.length > 0 ? "Everything is up" : "Nothing to watch";
}

/** Gives the state of the worst target. */
export function worst(targets: readonly Target[]): State {
  const states = targets.map(({ status }) => status);
  return states.includes("down") ? "down" : states.includes("unknown") ? "unknown" : "up";
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError(`${JSON.stringify(value)} is no object`);
  return value as Record<string, unknown>;
}

function field(value: unknown, name: string): unknown {
  const found = record(value)[name];
  if (found === undefined) throw new TypeError(`${name} is missing`);
  return found;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${JSON.stringify(value)} is no list`);
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`${JSON.stringify(value)} is no text`);
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`${JSON.stringify(value)} is no number`);
  return value;
}

function state(value: unknown): State {
  if (value !== "up" && value !== "down" && value !== "unknown") {
    throw new TypeError(`${JSON.stringify(value)} is no state`);
  }
  return value;
}

function orNull<T>(read: (value: unknown) => T): (value: unknown) => T | null {
  return (value) => (value === null ? null : read(value));
}
