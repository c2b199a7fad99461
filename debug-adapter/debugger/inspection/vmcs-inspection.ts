/** What the VMCS inspector shows: the structure of a processor now or at an exit, beside another moment of it. */
import type { VmExitEvent } from '../../machine/trace';
import { vmcsWidthBits } from '../../machine/processor-state';
import { vmcsFields, type VmcsField } from '../../spec/x86/vmcs-fields';
import { vmcsSectionOf } from '../../spec/x86/vmcs-sections';
import { decodeBits, type BitField } from '../../support/bit-field';
import { UserError } from '../../support/user-error';
import { threadIdOf, type DebuggedThread } from '../debugged-machine';
import { exitReasonText } from '../exits/exit-description';
import type { ExitLog } from '../exits/exit-log';
import type { PartitionNamer } from '../guest-programs';
import { hex } from '../value-format';
import { isVmcsFieldShown, vmcsBits, vmcsGroups, vmcsText } from './vmcs-decoding';
import { takeVmcsSnapshot, type VmcsSnapshot } from './vmcs-snapshot';

/** Which moment is shown: now, or that of an exit by its identity, before it was handled. */
export type VmcsMoment = { readonly kind: 'now' } | { readonly kind: 'exit'; readonly id: string };

/** What it is compared with. */
export type VmcsComparison =
  | { readonly kind: 'last-stop' }
  /** The exit of the same processor before the moment. */
  | { readonly kind: 'previous-exit' }
  | { readonly kind: 'exit'; readonly id: string };

/** Named bits of a field. */
export interface VmcsBits {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly value: string;
  /** What the value means, where it has a name. */
  readonly meaning: string;
}

/** One field. */
export interface VmcsFieldView {
  readonly encoding: number;
  readonly name: string;
  readonly widthBits: number;
  readonly value: string;
  readonly text: string;
  readonly section: string;
  readonly sectionTitle: string;
  readonly isEditable: boolean;
  readonly bits: readonly VmcsBits[];
  /** The value and its meaning in what it is compared with; absent where it is the same, or nothing is known. */
  readonly before?: { readonly value: string; readonly text: string };
}

/** The structure, in its four groups. */
export interface VmcsView {
  readonly partition: number;
  readonly processor: number;
  readonly position: number;
  /** What moment it is, in words. */
  readonly moment: string;
  /** What it is compared with, in words; empty where there is nothing. */
  readonly comparedWith: string;
  readonly entryProblem: string;
  readonly groups: readonly { readonly name: string; readonly fields: readonly VmcsFieldView[] }[];
}

/** Snapshots of exits that are kept. */
const mostKept = 16;

/** The inspector's side of one machine. */
export class VmcsInspection {
  private readonly stops = new Map<number, { last?: VmcsSnapshot; present: VmcsSnapshot }>();
  /** By identity of the exit, the oldest first. */
  private readonly atExits = new Map<string, VmcsSnapshot>();

  constructor(
    private readonly log: ExitLog,
    private readonly nameOf: PartitionNamer,
  ) {}

  /** The machine has stopped at a thread: what was the present stop of those that are watched is now the last one. */
  noteStop(stopped: DebuggedThread, threads: readonly DebuggedThread[], position: number): void {
    for (const thread of threads) {
      const last = this.stops.get(keyOf(thread))?.present;
      if (last === undefined && keyOf(thread) !== keyOf(stopped)) continue;
      const present = takeVmcsSnapshot(thread, position);
      this.stops.set(keyOf(thread), { ...(last === undefined ? {} : { last }), present });
    }
  }

  /** Another future begins: what was kept of exits may not come. */
  forgetExits(): void {
    this.atExits.clear();
  }

  /** Exits that have to be looked at before {@link describe} can tell; it takes the machine to go there. */
  missing(
    thread: DebuggedThread,
    moment: VmcsMoment,
    comparison: VmcsComparison,
  ): readonly VmExitEvent[] {
    const shown = moment.kind === 'exit' ? [this.exit(moment.id)] : [];
    const other = this.comparedExit(thread, moment, comparison);
    return [...shown, ...(other === undefined ? [] : [other])].filter(
      (exit) => !this.atExits.has(idOf(exit)),
    );
  }

  /** Keeps the VMCS of the exit at which the machine stands. */
  keep(exit: VmExitEvent, thread: DebuggedThread): void {
    this.atExits.set(idOf(exit), takeVmcsSnapshot(thread, exit.position));
    for (const id of [...this.atExits.keys()].slice(0, -mostKept)) this.atExits.delete(id);
  }

  /** @throws UserError where an exit is not kept any more */
  describe(
    thread: DebuggedThread,
    position: number,
    moment: VmcsMoment,
    comparison: VmcsComparison,
  ): VmcsView {
    const shown =
      moment.kind === 'now' ? takeVmcsSnapshot(thread, position) : this.snapshotOf(moment.id);
    const other = this.compared(thread, moment, comparison);
    if (!this.stops.has(keyOf(thread))) {
      this.stops.set(keyOf(thread), { present: takeVmcsSnapshot(thread, position) });
    }
    const hasExited = shown.exits > 0;
    return {
      partition: shown.partition,
      processor: shown.processor,
      position: shown.position,
      moment: momentText(shown, moment.kind === 'now'),
      comparedWith: other === undefined ? '' : comparedText(other, comparison),
      entryProblem: moment.kind === 'now' ? shown.entryProblem : '',
      groups: vmcsGroups.map(([group, name]) => ({
        name,
        fields: vmcsFields.flatMap((field, slot) => {
          const value = shown.values[slot] ?? 0n;
          const before = other?.values[slot];
          const isShown = isVmcsFieldShown(field, value) || isVmcsFieldShown(field, before ?? 0n);
          if (field.group !== group || !isShown) return [];
          return [this.fieldView(field, value, before, hasExited, shown, moment.kind === 'now')];
        }),
      })),
    };
  }

  private fieldView(
    field: VmcsField,
    value: bigint,
    before: bigint | undefined,
    hasExited: boolean,
    snapshot: VmcsSnapshot,
    isNow: boolean,
  ): VmcsFieldView {
    const reason = hasExited ? reasonOf(snapshot) : undefined;
    const words = { reason, nameOf: this.nameOf(snapshot.partition) };
    const section = vmcsSectionOf(field);
    const isChanged = before !== undefined && before !== value;
    return {
      encoding: field.encoding,
      name: field.name,
      widthBits: vmcsWidthBits(field.encoding),
      value: hex(value),
      text: meaning(vmcsText(field, value, words)),
      section: section === undefined ? '' : `SDM vol. 3, ${section.section}`,
      sectionTitle: section?.title ?? '',
      isEditable: isNow && field.group !== 'exitInformation' && field.group !== 'host',
      bits: bitsView(value, vmcsBits(field, reason ?? 0) ?? []),
      ...(isChanged
        ? { before: { value: hex(before), text: meaning(vmcsText(field, before, words)) } }
        : {}),
    };
  }

  private compared(
    thread: DebuggedThread,
    moment: VmcsMoment,
    comparison: VmcsComparison,
  ): VmcsSnapshot | undefined {
    if (comparison.kind === 'last-stop') return this.stops.get(keyOf(thread))?.last;
    const exit = this.comparedExit(thread, moment, comparison);
    return exit === undefined ? undefined : this.atExits.get(idOf(exit));
  }

  private comparedExit(
    thread: DebuggedThread,
    moment: VmcsMoment,
    comparison: VmcsComparison,
  ): VmExitEvent | undefined {
    switch (comparison.kind) {
      case 'last-stop':
        return undefined;
      case 'exit':
        return this.exit(comparison.id);
      case 'previous-exit': {
        if (moment.kind === 'exit') {
          const exit = this.exit(moment.id);
          return this.log.exitNumbered(exit.partition, exit.processor, exit.exitNumber - 1);
        }
        const { exits, pendingExit, index } = thread.processor;
        const previous = pendingExit === undefined ? exits : exits - 1;
        return this.log.exitNumbered(thread.partition.id, index, previous);
      }
    }
  }

  private exit(id: string): VmExitEvent {
    const exit = this.log.find(id);
    if (exit !== undefined) return exit;
    throw new UserError('no-such-exit', `The exit ${id} is not kept any more.`);
  }

  private snapshotOf(id: string): VmcsSnapshot {
    const snapshot = this.atExits.get(id);
    if (snapshot !== undefined) return snapshot;
    throw new UserError('no-such-exit', `The exit ${id} has not been looked at.`);
  }
}

function keyOf({ partition, processor }: DebuggedThread): number {
  return threadIdOf(partition.id, processor.index);
}

function idOf({ position, ordinal }: VmExitEvent): string {
  return `${position}.${ordinal}`;
}

const reasonSlot = vmcsFields.findIndex(({ name }) => name === 'VM_EXIT_REASON');

function reasonOf({ values }: VmcsSnapshot): number {
  return Number((values[reasonSlot] ?? 0n) & 0xffffn);
}

/** The part of a text that says more than the number before it. */
function meaning(text: string): string {
  return text.replace(/^0x[0-9a-f]+ ?/, '');
}

function bitsView(word: bigint, fields: readonly BitField[]): readonly VmcsBits[] {
  return decodeBits(word, fields).map((decoded, index) => {
    const field = fields[index];
    const low = field?.low ?? 0;
    const high = field?.high ?? low;
    const value = hex(decoded.value);
    return { name: decoded.name, low, high, value, meaning: decoded.valueName ?? '' };
  });
}

function exitText(snapshot: VmcsSnapshot): string {
  return `exit ${snapshot.exits}, ${exitReasonText(reasonOf(snapshot))}`;
}

function momentText(snapshot: VmcsSnapshot, isNow: boolean): string {
  if (!isNow) return `At ${exitText(snapshot)}`;
  if (snapshot.exits === 0) return 'Now, before the first exit';
  const handled = snapshot.isExitPending ? 'not handled yet' : 'handled';
  return `Now, ${exitText(snapshot)}, ${handled}`;
}

function comparedText(other: VmcsSnapshot, comparison: VmcsComparison): string {
  return comparison.kind === 'last-stop'
    ? `the last stop, position ${other.position}`
    : exitText(other);
}
