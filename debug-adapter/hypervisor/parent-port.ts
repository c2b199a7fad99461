/** The parent's way into the dispatcher: a partition with privileges over its children, and with pages of its own. */
import type { GuestMemory } from '../machine/guest-memory';
import type { HypercallAnswer, HypercallPort } from '../machine/hypercall-port';
import { privilegeMask, type PrivilegeName } from '../spec/tlfs/privileges';
import { insertBits } from '../support/bit-field';
import { decodeControlWord, hypercallInputFields } from './hypercalls/control-word';
import { dispatch } from './hypercalls/dispatch';
import type { CallerKind, HypercallBlocks } from './hypercalls/handler';
import { parentHandlers } from './hypercalls/parent/handler-table';
import type { ChildTable, ParentCaller } from './hypercalls/parent/parent-caller';
import type { HypervisorServices } from './services';

/** Identifier of the root partition: the first that the hypervisor gives. */
export const rootPartitionId = 1;

/** What the parent may do besides what every partition may. */
export const parentPrivileges: readonly PrivilegeName[] = [
  'CreatePartitions',
  'AccessPartitionId',
  'AccessMemoryPool',
  'PostMessages',
  'SignalEvents',
  'CreatePort',
  'ConnectPort',
  'AccessVpRegisters',
];

/** Pages of system memory that the parent can give away: 64 GiB. Further ones do not exist. */
export const systemPages = 2 ** 24;

const noBytes = new Uint8Array(0);

const parents: CallerKind<ParentCaller> = {
  handlers: parentHandlers,
  memoryOf: ({ memory }) => memory,
  mayCall: ({ holds }, { privilege }) => privilege === undefined || holds(privilege),
  // The parent has no emulated registers.
  readFastInput: () => undefined,
};

export class ParentPort implements HypercallPort {
  private readonly privileges: bigint;

  /** @param privileges what the parent holds; fewer than usual for those who test */
  constructor(
    private readonly memory: GuestMemory,
    private readonly children: ChildTable,
    private readonly services: Pick<HypervisorServices, 'trace'>,
    privileges = parentPrivileges,
  ) {
    this.privileges = privilegeMask(privileges);
  }

  call(control: bigint, input: number, output: number): HypercallAnswer {
    const caller: ParentCaller = {
      id: rootPartitionId,
      memory: this.memory,
      systemPages,
      children: this.children,
      holds: (privilege) => (this.privileges & privilegeMask([privilege])) !== 0n,
    };
    const blocks: HypercallBlocks = { input: noBytes, output: noBytes };
    let next = control;
    for (;;) {
      const registers = { control: next, input: BigInt(input), output: BigInt(output) };
      const result = dispatch(parents, caller, registers, blocks);
      const { status, repsCompleted } = result;
      if (result.continues !== true) {
        this.services.trace.emit({
          kind: 'hypercall',
          partition: rootPartitionId,
          processor: 0,
          code: decodeControlWord(control).code,
          control,
          status,
          repsCompleted,
          ...blocks,
        });
        return { status, repsCompleted };
      }
      // The root processor has no interrupts that would wait: it calls again at once.
      next = insertBits(next, hypercallInputFields.repStart, BigInt(repsCompleted));
    }
  }
}
