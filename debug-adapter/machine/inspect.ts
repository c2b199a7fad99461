/** How a part describes its state to a person: panels, trees and texts read this and nothing else. */

/** One named value. */
export interface InspectedValue {
  /** As the part's specification names it. */
  readonly name: string;
  readonly value: number | bigint | string | boolean;
}

/** A part that can be looked at. */
export interface Inspectable {
  /** Unique among its siblings, for people and as the key of its saved state. */
  readonly name: string;
  /** What it is like now. No side effect: a register that a read would change is shown, not read. */
  inspect(): readonly InspectedValue[];
}

/** What a part was like when it was asked. */
export interface InspectedPart {
  readonly name: string;
  readonly values: readonly InspectedValue[];
}
