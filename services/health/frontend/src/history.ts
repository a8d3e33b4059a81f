// A target's last checks, as a row of bars: as high as the answer was slow, and full where there was none.

import type { Check, State, Target } from "./report.ts";

/** How many checks are shown; the service keeps as many. */
export const KEPT = 60;
/** The picture's size, in its own units; it is stretched to the width that there is. */
export const WIDTH = 600;
export const HEIGHT = 40;
const SLOT = WIDTH / KEPT;
const GAP = 3;
const LEAST = 6;

export interface Bar {
  readonly status: State | "none";
  readonly x: number;
  readonly width: number;
  readonly height: number;
  readonly words: string;
}

/** Adds what is known of a target now to its checks, unless it is there; the oldest go. */
export function extended(checks: readonly Check[], target: Target): readonly Check[] {
  const { status, latency_ms, checked_at } = target;
  // in the order of their times: replicas of the service check on their own, and any of them may have answered
  if (checked_at === null || checks.some((check) => check.checked_at === checked_at)) return checks;
  const all = [...checks, { status, latency_ms, checked_at }];
  return all.sort((one, other) => Date.parse(one.checked_at) - Date.parse(other.checked_at)).slice(-KEPT);
}

/** Gives a bar for each check, the newest at the right, and stubs for those to come. */
export function bars(checks: readonly Check[], time: (iso: string) => string): Bar[] {
  const slowest = Math.max(...checks.map(({ latency_ms }) => latency_ms ?? 0));
  const free = KEPT - checks.length;
  return Array.from({ length: KEPT }, (_, slot) => {
    const check = checks[slot - free];
    const place = { x: slot * SLOT + GAP / 2, width: SLOT - GAP };
    if (check === undefined) return { ...place, status: "none", height: LEAST / 2, words: "" };
    const { status, latency_ms, checked_at } = check;
    const part = status === "down" || latency_ms === null ? 1 : Math.sqrt(latency_ms / (slowest || 1));
    const words = `${time(checked_at)} ${status}${latency_ms === null ? "" : `, ${latency_ms} ms`}`;
    return { ...place, status, height: LEAST + part * (HEIGHT - LEAST), words };
  });
}

/** Says what the bars show. */
export function summary(checks: readonly Check[]): string {
  const up = checks.filter(({ status }) => status === "up");
  return checks.length > 0 ? `${up.length} of ${checks.length} up` : "";
}
