/** The kinds of trace events as a person chooses them, on the command line and in the Event Log. */
import type { TraceEvent } from '../../machine/trace';

type TraceEventKind = TraceEvent['kind'];

/** In the order in which a list of them is shown. */
export const eventKinds = [
  ...(['exits', 'hypercalls', 'msrs', 'events', 'console', 'inputs', 'synic', 'timers'] as const),
  ...(['intercepts', 'overlays', 'schedule', 'vmbus', 'crashes'] as const),
] as const;

export type EventKind = (typeof eventKinds)[number];

/** The events of the trace that each stands for. */
export const traceKindsOf: Readonly<Record<EventKind, readonly TraceEventKind[]>> = {
  exits: ['vm-exit'],
  hypercalls: ['hypercall'],
  events: ['event'],
  console: ['console'],
  inputs: ['input'],
  msrs: ['msr-access'],
  synic: ['synthetic-message', 'event-flag'],
  timers: ['timer-expiration'],
  intercepts: ['intercept-message'],
  overlays: ['overlay-change'],
  schedule: ['schedule-switch'],
  vmbus: ['vmbus-message', 'vmbus-packet', 'vmbus-signal'],
  crashes: ['guest-crash'],
};

/** Kinds that the machine makes only for those who want them: they are recorded from the moment they are asked for. */
export const askedForKinds: readonly EventKind[] = [
  ...(['msrs', 'timers', 'intercepts', 'overlays', 'schedule'] as const),
];

/** The events of the trace that these stand for together. */
export function traceKindsOfAll(kinds: readonly EventKind[]): ReadonlySet<TraceEventKind> {
  return new Set(kinds.flatMap((kind) => traceKindsOf[kind]));
}
