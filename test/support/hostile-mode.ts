/** Modes below IA-32e with unusual descriptors and segments, for random code. */
import { littleEndian } from './machine-code';
import { descriptor, gate, place, type ModeMachine } from './mode-machine';
import type { SeededRandom } from './seeded-random';

/** Offset of the code in its segment. */
export const codeAt = 0x4000;

const segments = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

export type HostileMode = 'real' | 'virtual' | 'flat' | 'segmented';

/** Descriptors of every type, and gates that lead to code. */
function randomTable(random: SeededRandom): bigint[] {
  return Array.from({ length: 16 }, (_, index) => {
    if (index < 4) return descriptor(0, 0xfffff, [0x9b, 0x93, 0xfb, 0xf3][index] ?? 0, 0xc);
    const access = random.below(256) | 0x80;
    if ((access & 0x10) === 0) return gate(8, codeAt, access, random.below(32));
    return descriptor(
      random.below(0x10000),
      random.below(0x100000),
      access,
      random.below(16) & 0xd,
    );
  });
}

/** Tables and segments of a mode, of which many are unusual. */
export function enterHostileMode(
  machine: ModeMachine,
  random: SeededRandom,
  kind: HostileMode,
): void {
  machine.state.rflags = 2;
  machine.protect(randomTable(random));
  for (let vector = 0; vector < 32; vector++) {
    const type = random.pick([0x8e, 0xee, 0x86, 0xef, 0x85, 0x0e]);
    machine.write(
      place.interruptTable + vector * 8,
      littleEndian(gate(random.pick([8, 8, 8, 0x18, 0x28]), 0x5000, type), 8),
    );
  }
  machine.write(place.task + 4, littleEndian(0x9000, 4) + littleEndian(0x10, 4));
  if (kind === 'real') machine.set('GUEST_CR0', 0x30n);
  if (kind === 'flat') return;
  for (const name of segments) {
    const limit = random.pick([0xffff, 0xffffffff, random.below(0x10000), random.below(0x2000)]);
    const user = kind === 'virtual' ? 0x60 : 0;
    const type = name === 'CS' ? 0x9b : random.pick([0x93, 0x93, 0x91, 0x97, 0x9b, 0x10000]);
    const rights = (kind === 'segmented' ? type : 0x93) | user | random.pick([0, 0, 0x4000]);
    const direct = random.below(0x800);
    const real = kind !== 'segmented';
    machine.segment(
      name,
      real ? direct : 0x10,
      real ? BigInt(direct) << 4n : BigInt(random.below(0x1000)),
      kind === 'virtual' || name === 'CS' ? 0xffff : limit,
      kind === 'virtual' ? 0xf3 : rights,
    );
  }
}
