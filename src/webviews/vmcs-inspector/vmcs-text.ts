/** The VMCS as text: for the clipboard, as JSON lines, and for screen readers. */
import type { VmcsBody } from '../../../debug-adapter/protocol/vmcs-requests';
import type { VmcsRow } from './vmcs-model';

function changeText(before: string | undefined): string {
  return before === undefined ? '' : `was ${before}`;
}

/** Name, value, meaning and former value of a row, for columns. */
export function rowColumns(row: VmcsRow): readonly string[] {
  switch (row.kind) {
    case 'group':
      return [row.group.name];
    case 'field': {
      const { name, value, text, before } = row.field;
      return [name, value, text, changeText(before?.value)];
    }
    case 'bits': {
      const { name, value, meaning } = row.bits;
      return [`  ${name}`, value, meaning, changeText(row.before)];
    }
  }
}

/** The shown rows in columns, under a line that says what moment they are of. */
export function rowsText(body: VmcsBody, rows: readonly VmcsRow[]): string {
  const beside = body.comparedWith === '' ? '' : `, beside ${body.comparedWith}`;
  const title = `Partition ${body.partition} VP ${body.processor}, position ${body.position}: ${body.moment}${beside}`;
  const table = rows.map(rowColumns);
  const widths = [0, 1, 2].map((column) =>
    Math.max(
      0,
      ...table.map((columns) => (columns.length > 1 ? (columns[column] ?? '').length : 0)),
    ),
  );
  const lines = table.map((columns) => {
    if (columns.length === 1) return `\n${columns[0] ?? ''}`;
    const padded = columns.map((text, column) => text.padEnd(widths[column] ?? 0));
    return `  ${padded.join('  ').trimEnd()}`;
  });
  return `${[title, ...lines].join('\n')}\n`;
}

/** The shown fields as JSON lines: one object each. */
export function rowsJsonLines(body: VmcsBody, rows: readonly VmcsRow[]): string {
  const { partition, processor, position } = body;
  return rows
    .flatMap((row) => {
      if (row.kind !== 'field') return [];
      const { name, encoding, value, text, section, before } = row.field;
      const bits = Object.fromEntries(row.field.bits.map((each) => [each.name, each.value]));
      const place = { partition, processor, position };
      const was = before === undefined ? {} : { before: before.value };
      return [{ ...place, field: name, encoding, value, text, section, ...was, bits }];
    })
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

/** What a screen reader says for a row. */
export function rowSpeech(row: VmcsRow): string {
  if (row.kind === 'group') {
    const changed = row.changed === 0 ? '' : `, ${row.changed} changed`;
    return `${row.group.name}, ${row.group.fields.length} fields${changed}`;
  }
  const [name = '', value = '', text = '', was = ''] = rowColumns(row);
  const parts = [`${name.trim()} ${value}`, text, was].filter((part) => part !== '');
  return parts.join(', ');
}
