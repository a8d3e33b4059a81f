import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, extended, HEIGHT, KEPT, summary, WIDTH } from "../src/history.ts";
import type { Check, Target } from "../src/report.ts";

const check = (second: number, more: Partial<Check> = {}): Check => ({
  status: "up",
  latency_ms: 4,
  checked_at: new Date(second * 1000).toISOString(),
  ...more,
});
const target = (second: number): Target => ({ ...check(second), name: "echo", url: "", required: true, last_error: null });
const minutes = Array.from({ length: KEPT }, (_, second) => check(second));

test("a check is added once, in the order of time, and the oldest goes", () => {
  const one = extended([], target(2));

  assert.equal(extended(one, target(2)), one);
  assert.equal(extended(one, { ...target(3), checked_at: null }), one);
  assert.deepEqual(extended(extended(one, target(3)), target(1)), [check(1), check(2), check(3)]);
  assert.deepEqual(extended(minutes, target(KEPT)), [...minutes.slice(1), check(KEPT)]);
});

test("every slot has a bar within the picture, the newest check's at the right", () => {
  const drawn = bars([check(1), check(2, { status: "down", latency_ms: null })], () => "then");

  assert.equal(drawn.length, KEPT);
  assert.deepEqual(
    drawn.slice(-3).map(({ status, words }) => [status, words]),
    [
      ["none", ""],
      ["up", "then up, 4 ms"],
      ["down", "then down"],
    ],
  );
  assert.ok(drawn.every(({ x, width, height }) => x >= 0 && x + width <= WIDTH && height > 0 && height <= HEIGHT));
});

test("a slower answer is a higher bar, and none the highest", () => {
  const heights = (...checks: Check[]): number[] => bars(checks, String).slice(-checks.length).map((bar) => bar.height);
  const [quick = 0, slow = 0, none] = heights(check(1, { latency_ms: 1 }), check(2), check(3, { status: "down", latency_ms: null }));

  assert.ok(quick < slow);
  assert.equal(none, HEIGHT);
  assert.ok(heights(check(1, { latency_ms: 0 })).every(Number.isFinite));
});

test("the summary counts", () => {
  assert.equal(summary([check(1), check(2, { status: "down" })]), "1 of 2 up");
  assert.equal(summary([]), "");
});
