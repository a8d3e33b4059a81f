// Asking again and again: one question at a time, the next one a while after the answer.

export interface Poll {
  /** Asks now, or waits for the question that is under way; goes on by itself from then on. */
  now(): Promise<void>;
  /** Asks no more, until now(). */
  rest(): void;
}

/** Makes a poll; `ask` must not fail. */
export function poll(ask: () => Promise<void>, pauseMs: number): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underway: Promise<void> | undefined;
  let resting = true;

  function now(): Promise<void> {
    clearTimeout(timer);
    resting = false;
    underway ??= ask().finally(() => {
      underway = undefined;
      if (!resting) timer = setTimeout(now, pauseMs);
    });
    return underway;
  }

  function rest(): void {
    resting = true;
    clearTimeout(timer);
  }

  return { now, rest };
}
