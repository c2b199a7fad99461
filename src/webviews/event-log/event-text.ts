/** Kinds, rows and details of the Event Log as text: for chips, screen readers and the clipboard. */
import type {
  EventDetailBody,
  EventKindName,
  EventRow,
} from '../../../debug-adapter/protocol/event-log';
import type { LogName } from '../../panels/log-messages';
import { virtualTimeColumn } from '../../presentation/quantity-text';

/** How a kind is called and drawn. */
export interface KindLook {
  readonly one: string;
  readonly many: string;
  /** Codicon. */
  readonly icon: string;
}

export const kindLooks: Readonly<Record<EventKindName, KindLook>> = {
  exits: { one: 'VM exit', many: 'VM exits', icon: 'sign-out' },
  hypercalls: { one: 'Hypercall', many: 'Hypercalls', icon: 'call-outgoing' },
  msrs: { one: 'MSR access', many: 'MSR accesses', icon: 'settings' },
  events: { one: 'Interrupt', many: 'Interrupts, exceptions', icon: 'bell' },
  console: { one: 'Console', many: 'Console', icon: 'terminal' },
  inputs: { one: 'Input', many: 'Inputs', icon: 'record-keys' },
  synic: { one: 'SynIC', many: 'SynIC', icon: 'broadcast' },
  timers: { one: 'Timer', many: 'Timers', icon: 'watch' },
  intercepts: { one: 'Intercept message', many: 'Intercept messages', icon: 'mail' },
  overlays: { one: 'Overlay page', many: 'Overlay pages', icon: 'layers' },
  schedule: { one: 'Schedule', many: 'Schedule', icon: 'server-process' },
  vmbus: { one: 'VMBus', many: 'VMBus', icon: 'arrow-swap' },
  crashes: { one: 'Guest crash', many: 'Guest crashes', icon: 'flame' },
};

/** The log that has the rows of a kind too, with more about each. */
export const otherLogs: { readonly [Kind in EventKindName]?: LogName } = {
  exits: 'exits',
  vmbus: 'traffic',
};

/** A row as a sentence. */
export function rowSpeech({ kind, text, partition, processor }: EventRow): string {
  return `${kindLooks[kind].one}, ${text}, partition ${partition}, virtual processor ${processor}`;
}

/** A row as one line, its columns separated by tabs. */
export function rowText({ timeNs, partition, processor, kind, text }: EventRow): string {
  const time = `${virtualTimeColumn(timeNs)} s`;
  return [time, `P${partition} VP ${processor}`, kindLooks[kind].one, text].join('\t');
}

/** A row and its fields, one on a line. */
export function detailText({ row, fields, code }: EventDetailBody): string {
  const width = Math.max(0, ...fields.map(({ name }) => name.length));
  const lines = fields.map(
    ({ name, value, note }) =>
      `  ${name.padEnd(width)}  ${value}${note === undefined ? '' : `  ${note}`}`,
  );
  const where = code === undefined ? [] : [`  at ${code.text}`];
  return `${[rowText(row), ...where, ...lines].join('\n')}\n`;
}
