/** Rows and details as text: for screen readers, tooltips and the clipboard. */
import type {
  TrafficDetailBody,
  TrafficKind,
  TrafficNode,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import { virtualTimeText } from '../../presentation/quantity-text';

/** How the kinds are called, one and many. */
export const kindNames: Readonly<Record<TrafficKind, readonly [one: string, many: string]>> = {
  'vmbus-message': ['Message', 'Messages'],
  'vmbus-packet': ['Packet', 'Packets'],
  'vmbus-signal': ['Signal', 'Signals'],
};

/** Codicon of each kind. */
export const kindIcons: Readonly<Record<TrafficKind, string>> = {
  'vmbus-message': 'mail',
  'vmbus-packet': 'package',
  'vmbus-signal': 'bell',
};

/** `6 scsi`, or `bus` for the messages of the bus itself. */
export function channelText({ channel, className }: TrafficRow): string {
  if (channel === 0) return 'bus';
  return className === '' ? String(channel) : `${channel} ${className}`;
}

/** A row as a sentence. */
export function rowSpeech(row: TrafficRow): string {
  const way = row.direction === 'to-parent' ? 'guest to parent' : 'parent to guest';
  const parts = [`${kindNames[row.kind][0]} ${row.name}`, way, `channel ${channelText(row)}`];
  if (row.facts !== '') parts.push(row.facts);
  if (row.latencyNs !== undefined) parts.push(`after ${virtualTimeText(row.latencyNs)}`);
  if (row.isOpen) parts.push('no answer yet');
  if (row.refusal !== '') parts.push(`refused: ${row.refusal}`);
  return parts.join(', ');
}

/** A row as one line. */
export function rowText(row: TrafficRow): string {
  const arrow = row.direction === 'to-parent' ? '→' : '←';
  const parts = [String(row.timeNs), arrow, channelText(row), row.name, row.facts];
  if (row.refusal !== '') parts.push(`refused: ${row.refusal}`);
  return parts.filter((part) => part !== '').join('\t');
}

function nodeLines(node: TrafficNode, indent: string): readonly string[] {
  const place = `${node.offset}+${node.sizeBytes}`;
  const own = `${indent}${node.name} [${place}]${node.text === '' ? '' : ` ${node.text}`}`;
  return [own, ...node.children.flatMap((child) => nodeLines(child, `${indent}  `))];
}

/** A row with its tree and its bytes. */
export function detailText({ row, nodes, bytes }: TrafficDetailBody): string {
  const lines = nodes.flatMap((node) => nodeLines(node, ''));
  return [rowText(row), ...lines, bytes].join('\n');
}
