/** Labels, descriptions and tooltips of the Partitions view; pure. */
import type {
  PartitionInfo,
  ProcessorInfo,
  ProcessorRunState,
} from '../../debug-adapter/protocol/custom-requests';
import { addressText, bytesText, countedText, countText } from '../presentation/quantity-text';

const stateTexts: Record<ProcessorRunState, string> = {
  running: 'running',
  stopped: 'stopped',
  halted: 'halted',
  suspended: 'waits for the parent',
  paused: 'paused',
  ended: 'ended',
};

/** Codicon and theme colour of a run state. */
export const stateIcons: Record<
  ProcessorRunState,
  { readonly icon: string; readonly color: string }
> = {
  running: { icon: 'play-circle', color: 'debugIcon.continueForeground' },
  stopped: { icon: 'debug-pause', color: 'debugIcon.pauseForeground' },
  halted: { icon: 'debug-stackframe-dot', color: 'disabledForeground' },
  suspended: { icon: 'watch', color: 'disabledForeground' },
  paused: { icon: 'debug-pause', color: 'disabledForeground' },
  ended: { icon: 'circle-slash', color: 'disabledForeground' },
};

export function partitionDescription(partition: PartitionInfo): string {
  const { kind, memoryBytes, isPaused, isDeleted } = partition;
  if (isDeleted) return 'deleted';
  const what = kind === 'parent' ? 'owns the devices' : bytesText(memoryBytes);
  return isPaused ? `${what} · paused` : what;
}

/** What menus ask for: a partition that is paused can be resumed, one that has ended or is deleted can be started. */
export function partitionContext(partition: PartitionInfo): string {
  const { kind, isPaused, isDeleted, processors } = partition;
  if (isDeleted) return 'deletedGuestPartition';
  if (kind === 'guest' && processors.every(({ state }) => state === 'ended')) {
    return 'endedGuestPartition';
  }
  if (isPaused) return kind === 'parent' ? 'pausedParentPartition' : 'pausedGuestPartition';
  return kind === 'parent' ? 'parentPartition' : 'guestPartition';
}

/** Rows of a partition's tooltip: name and value. */
export function partitionFacts(partition: PartitionInfo): readonly (readonly [string, string])[] {
  const { id, kind, memoryBytes, guestOs, processors } = partition;
  const facts = [
    ['Partition id', String(id)],
    ['Virtual processors', String(processors.length)],
  ] as const;
  if (kind === 'parent') return facts;
  return [
    ...facts,
    ['Memory', bytesText(memoryBytes)],
    ['Guest OS id', guestOs === '' ? 'not reported yet' : guestOs],
  ];
}

/** `0x1001a0 _start+0x10 · 12 exits`; a running processor's RIP would be stale, so its state stands there. */
export function processorDescription(processor: ProcessorInfo): string {
  if (processor.threadId === 0) return stateTexts[processor.state];
  const exits = countedText(processor.exits, 'exit');
  switch (processor.state) {
    case 'stopped':
      return `${whereText(processor)} · ${exits}`;
    case 'running':
      return `${stateTexts.running} · ${exits}`;
    case 'halted':
    case 'suspended':
    case 'paused':
    case 'ended':
      return `${stateTexts[processor.state]} · ${whereText(processor)} · ${exits}`;
  }
}

/** Address and nearest symbol of the next instruction. */
function whereText({ rip, symbol }: ProcessorInfo): string {
  return symbol === '' ? addressText(rip) : `${addressText(rip)} ${symbol}`;
}

export function processorLabel(processor: ProcessorInfo): string {
  return `VP ${processor.index}`;
}

/** Rows of a processor's tooltip: name and value. */
export function processorFacts(processor: ProcessorInfo): readonly (readonly [string, string])[] {
  return [
    ['State', stateTexts[processor.state]],
    ['RIP', addressText(processor.rip)],
    ...(processor.symbol === '' ? [] : [['Symbol', processor.symbol] as const]),
    ['Instructions retired', countText(processor.retired)],
    ['VM exits', countText(processor.exits)],
  ];
}

/** What a screen reader says for a processor; the icon that shows its state is spoken too. */
export function processorSpeech(processor: ProcessorInfo): string {
  const description = processorDescription(processor).replaceAll(' · ', ', ');
  const state = stateTexts[processor.state];
  const spoken = description.startsWith(state) ? description : `${state}, ${description}`;
  return `Virtual processor ${processor.index}, ${spoken}`;
}
