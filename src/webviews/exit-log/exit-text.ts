/** Exits and their details as plain text, for the clipboard and for screen readers. */
import type { ExitDetailBody, ExitRow } from '../../../debug-adapter/protocol/custom-requests';
import { addressText, virtualTimeColumn } from '../../presentation/quantity-text';

/** RIP and nearest symbol of an exit. */
export function whereText(row: ExitRow): string {
  const address = addressText(row.rip);
  return row.symbol === '' ? address : `${address} <${row.symbol}>`;
}

/** One line with the columns of the log, separated by tabs. */
export function rowText(row: ExitRow): string {
  const processor = `partition ${row.partition} VP ${row.processor}`;
  const time = `${virtualTimeColumn(row.timeNs)} s`;
  return [row.exitNumber, time, processor, row.reasonName, row.detail, whereText(row)].join('\t');
}

/** The row and every group of its details, one value on a line. */
export function detailText({ row, groups }: ExitDetailBody): string {
  const lines = [rowText(row)];
  for (const group of groups) {
    lines.push('', group.name);
    const width = Math.max(0, ...group.values.map((value) => value.name.length));
    for (const { name, value, note = '' } of group.values) {
      lines.push(`  ${name.padEnd(width)}  ${value}${note === '' ? '' : `  ${note}`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** What a screen reader says for a row. */
export function rowSpeech(row: ExitRow): string {
  const detail = row.detail === '' ? '' : `, ${row.detail}`;
  const where = row.symbol === '' ? addressText(row.rip) : row.symbol;
  return `Exit ${row.exitNumber}, ${row.reasonName}${detail}, at ${where}`;
}
