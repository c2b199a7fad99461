/** Why some instruction variants never retire in random streams, so that those without a reason stand out. */

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^UD /, 'always #UD'],
  [/^(INT|INT1|INT3|INTO) /, 'delivers an event, which is counted instead'],
  [
    /^(VMCALL|VMLAUNCH|VMRESUME|VMXOFF|VMMCALL|INVD) /,
    'a VM exit that is not completed here, or #UD',
  ],
  [/^(XGETBV|XSETBV) /, '#UD: CR4.OSXSAVE cannot be set'],
  [/^RDPMC /, '#GP: there are no performance counters'],
  [
    /^(PUSH r32|POP r32|PUSH i \/32|PUSHF  \/32|LEAVE  \/32|ENTER i,i \/32|PUSH m32|PUSH segment \/32)$/,
    'a stack of 64 bits takes no 32-bit operands',
  ],
];

/** The reason, or undefined where there is none. */
export function reasonNeverRetired(name: string): string | undefined {
  return reasons.find(([pattern]) => pattern.test(name))?.[1];
}
