import assert from "node:assert/strict";
import { test } from "node:test";
import { headline, readHistory, readTargets, type Target, worst } from "../src/report.ts";

const echo: Target = {
  name: "echo",
  url: "http://echo:8000/health",
  required: true,
  status: "up",
  latency_ms: 3.2,
  checked_at: "2026-11-27T21:08:14.655005Z",
  last_error: null,
};
const lost: Target = { ...echo, name: "lost", status: "down", latency_ms: null, last_error: "no answer within 1 s" };
const young: Target = { ...echo, name: "young", status: "unknown", latency_ms: null, checked_at: null };

test("what the service says is read as it is, whatever more it says", () => {
  assert.deepEqual(readTargets({ targets: [{ ...echo, more: 1 }, lost, young], more: 1 }), [echo, lost, young]);
  assert.deepEqual(
    readHistory({ targets: { echo: [{ status: "up", latency_ms: 3.2, checked_at: "now" }], young: [] } }),
    new Map([
      ["echo", [{ status: "up", latency_ms: 3.2, checked_at: "now" }]],
      ["young", []],
    ]),
  );
});

test("anything else is refused by name", () => {
  const { url: _, ...withoutUrl } = echo;

  assert.throws(() => readTargets({ title: "Bad Gateway" }), /targets is missing/);
  assert.throws(() => readTargets({ targets: {} }), /\{\} is no list/);
  assert.throws(() => readTargets({ targets: [withoutUrl] }), /url is missing/);
  assert.throws(() => readTargets({ targets: [{ ...echo, status: "sideways" }] }), /"sideways" is no state/);
  assert.throws(() => readTargets({ targets: [{ ...echo, latency_ms: "3" }] }), /"3" is no number/);
  assert.throws(() => readHistory({ targets: null }), /null is no object/);
});

test("the headline names whoever is not up", () => {
  assert.equal(headline([echo]), "Everything is up");
  assert.equal(headline([echo, lost, young]), "Not up: lost, young");
  assert.equal(headline([]), "Nothing to watch");
});

test("down is worse than unknown, and unknown than up", () => {
  assert.equal(worst([young, lost, echo]), "down");
  assert.equal(worst([echo, young]), "unknown");
  assert.equal(worst([]), "up");
});
