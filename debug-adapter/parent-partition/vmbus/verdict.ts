/** What becomes of a guest's message: whether it is refused, and what is done about it afterwards. */

/** A refused message can have an answer all the same. */
export interface Verdict {
  /** Why it has no effect; empty where it has. */
  readonly refusal: string;
  /** Called once the message has been told to the trace. */
  act(): void;
}

export function accepted(act: () => void): Verdict {
  return { refusal: '', act };
}

/** @param act gives the answer; without one the guest gets none */
export function refused(why: string, act: () => void = () => undefined): Verdict {
  return { refusal: why, act };
}
