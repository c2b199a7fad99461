/** Why some instruction variants never retire in random streams, so that those without a reason stand out. */

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^UD /, 'always #UD'],
  [/^(INT|INT1|INT3|INTO)\b/, 'delivers an event, which is counted instead'],
  [/^(VMCALL|VMMCALL|VMXON)\b/, 'a VM exit, or #UD'],
];

/** The reason, or undefined where there is none. */
export function reasonNeverRetired(name: string): string | undefined {
  return reasons.find(([pattern]) => pattern.test(name))?.[1];
}
