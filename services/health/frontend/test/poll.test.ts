import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { poll } from "../src/poll.ts";

/** A question whose answer comes when the test says so. */
function question(): { ask: () => Promise<void>; answer: () => Promise<void>; asked: () => number } {
  let count = 0;
  let release = (): void => {};
  const ask = (): Promise<void> => {
    count += 1;
    return new Promise((resolve) => (release = resolve));
  };
  const answer = async (): Promise<void> => {
    release();
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { ask, answer, asked: () => count };
}

function clock(context: TestContext): void {
  context.mock.timers.enable({ apis: ["setTimeout"] });
}

test("the next question is a pause after the answer, however long that took", async (context) => {
  clock(context);
  const { ask, answer, asked } = question();
  void poll(ask, 1000).now();

  context.mock.timers.tick(60_000);
  assert.equal(asked(), 1);
  await answer();
  context.mock.timers.tick(999);
  assert.equal(asked(), 1);
  context.mock.timers.tick(1);
  assert.equal(asked(), 2);
});

test("asking now does not wait for the pause, and never asks twice at once", async (context) => {
  clock(context);
  const { ask, answer, asked } = question();
  const { now } = poll(ask, 1000);

  assert.equal(now(), now());
  await answer();
  void now();
  assert.equal(asked(), 2);
  await answer();
  context.mock.timers.tick(1000);
  assert.equal(asked(), 3);
});

test("at rest nothing is asked, until now", async (context) => {
  clock(context);
  const { ask, answer, asked } = question();
  const { now, rest } = poll(ask, 1000);

  void now();
  rest();
  await answer();
  context.mock.timers.tick(60_000);
  assert.equal(asked(), 1);
  void now();
  assert.equal(asked(), 2);
});
