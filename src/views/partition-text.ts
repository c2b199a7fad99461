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
  ended: { icon: 'circle-slash', color: 'disabledForeground' },
};

export function partitionDescription(partition: PartitionInfo): string {
  const role = partition.kind === 'parent' ? 'parent partition' : '';
  const memory = partition.memoryBytes > 0 ? bytesText(partition.memoryBytes) : '';
  return [role, partition.guestOs, memory].filter((part) => part !== '').join(' · ');
}

/** `stopped · 0x1001a0 <_start+0x10> · 12 exits`; a running processor's RIP would be stale, so it has none. */
export function processorDescription(processor: ProcessorInfo): string {
  const parts = [stateTexts[processor.state]];
  if (processor.threadId !== 0 && processor.state !== 'running') parts.push(whereText(processor));
  if (processor.threadId !== 0) parts.push(countedText(processor.exits, 'exit'));
  return parts.filter((part) => part !== '').join(' · ');
}

/** Address and nearest symbol of the next instruction. */
export function whereText(processor: ProcessorInfo): string {
  const address = addressText(processor.rip);
  return processor.symbol === '' ? address : `${address} <${processor.symbol}>`;
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

/** What a screen reader says for a processor. */
export function processorSpeech(processor: ProcessorInfo): string {
  return `Virtual processor ${processor.index}, ${processorDescription(processor).replaceAll(' · ', ', ')}`;
}
