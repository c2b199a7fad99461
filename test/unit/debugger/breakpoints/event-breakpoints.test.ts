// Breakpoints on events: what they resolve to, and what their conditions may say.
import assert from 'node:assert/strict';
import type { Breakpoint } from '../../../../debug-adapter/debugger/breakpoints/breakpoint';
import { BreakpointSet } from '../../../../debug-adapter/debugger/breakpoints/breakpoint-set';
import {
  readNamedText,
  resolveNamedBreakpoint,
} from '../../../../debug-adapter/debugger/breakpoints/named-breakpoint';
import { eventFields, valueNamed } from '../../../../debug-adapter/debugger/event-fields';
import type { EvaluationContext } from '../../../../debug-adapter/debugger/expressions/evaluate';
import { SymbolIndex } from '../../../../debug-adapter/debugger/symbols/symbol-index';
import type { TraceEvent } from '../../../../debug-adapter/machine/trace';
import { TrafficWriter } from '../../../support/vmbus-traffic';

const header = { position: 7, ordinal: 0, timeNs: 70, partition: 2, processor: 0 };
const pageFault: TraceEvent = {
  ...{ ...header, kind: 'event', vector: 14, errorCode: 2, rip: 0x1234n },
  isInjected: false,
};
const timer: TraceEvent = {
  ...{ ...header, kind: 'event', vector: 0xef, errorCode: undefined, rip: 1n },
  isInjected: true,
};
const crash: TraceEvent = { ...header, kind: 'guest-crash', parameters: [], message: 'Oops' };

function exitOf(reason: number, registers: readonly bigint[], qualification = 0n): TraceEvent {
  return {
    ...header,
    kind: 'vm-exit',
    exitNumber: 3,
    reason,
    qualification,
    instructionLength: 2,
    interruptionInformation: 0,
    guestPhysicalAddress: 0n,
    guestLinearAddress: 0n,
    rip: 0x1000n,
    rflags: 2,
    cr0: 0n,
    cr3: 0n,
    cr4: 0n,
    registers: Array.from({ length: 16 }, (_, index) => registers[index] ?? 0n),
  };
}

const postMessage = exitOf(18, [0n, 0x5cn]);
const writeEfer = exitOf(32, [0xd01n, 0xc000_0080n, 0n]);
const outE9 = exitOf(30, [0x48n], (0xe9n << 16n) | 0n);

const traffic = new TrafficWriter();
traffic.connect();
traffic.open();
traffic.request(1);
traffic.signal('to-guest', 'the guest has masked interrupts');
const [contact, , , offer] = traffic.events;
const [openChannel, , srb] = traffic.events.slice(7);
assert(contact && offer && openChannel && srb);

function contextOf(event: TraceEvent): EvaluationContext {
  return {
    register: () => undefined,
    field: (name) => eventFields(event).get(name),
    valueNamed: (field, name) => valueNamed(event.kind, field, name),
    symbolAddress: () => undefined,
    readMemory: () => undefined,
  };
}

const symbols = SymbolIndex.empty;

function set(breakpoints: BreakpointSet, text: string, condition?: string): Breakpoint {
  const { name, logMessage } = readNamedText(text);
  const target = resolveNamedBreakpoint(name, symbols);
  const wanted = [{ target, options: { condition, logMessage } }];
  const [created] = breakpoints.replace('named', wanted, (symbol) => symbol === 'main');
  assert(created !== undefined);
  return created;
}

const stops: readonly (readonly [name: string, condition: string, event: TraceEvent])[] = [
  ['vector:#PF', '', pageFault],
  ['vector:pf', '', pageFault],
  ['vector:14', 'error_code & 2', pageFault],
  ['vector:0xef', '', timer],
  ['vector:*', 'injected', timer],
  ['vector:*', '!injected', pageFault],
  ['vector:*', 'vector == "#PF"', pageFault],
  ['vector:*', 'rip == 0x1234', pageFault],
  ['hypercall:*', 'code == HvCallPostMessage', postMessage],
  ['exit:*', 'reason == VMCALL', postMessage],
  ['exit:*', 'reason == "msr_write" && value == 0xd01', writeEfer],
  ['exit:MSR_WRITE', 'msr == IA32_EFER', writeEfer],
  ['io:*', "port == 0xe9 && value == 'H'", outE9],
  ['vmbus:OpenChannel', '', openChannel],
  ['vmbus:openchannel', 'ChildRelId == 6 && DownstreamRingPageOffset == 2', openChannel],
  ['vmbus:14', 'VersionRequested == "5.3"', contact],
  ['vmbus:*', 'message == OfferChannel', offer],
  ['packet:scsi', 'DataTransferLength > 512', srb],
  ['packet:scsi.ExecuteSrb', 'DataDirection == Read', srb],
  ['packet:SCSI.executesrb', 'operation == ExecuteSrb', srb],
  ['packet:*', 'class == "scsi" && transaction == 1', srb],
];

const rangeStops: typeof stops = [
  ['io:DEBUGCON', '', outE9],
  ['io:debugcon:w', '', outE9],
];

const passes: readonly (readonly [name: string, condition: string, event: TraceEvent])[] = [
  ['vector:#PF', '', timer],
  ['vector:#PF', '', postMessage],
  ['vector:*', 'vector == "#PF"', timer],
  ['hypercall:*', 'code == HvCallSignalEvent', postMessage],
  ['exit:MSR_WRITE', 'msr != IA32_EFER', writeEfer],
  ['io:*:r', '', outE9],
  ['io:0x3f8', '', outE9],
  ['io:COM1', '', outE9],
  ['vmbus:OpenChannel', '', contact],
  ['vmbus:OpenChannel', 'ChildRelId == 7', openChannel],
  ['packet:network', '', srb],
  ['packet:scsi.ResetBus', '', srb],
  ['packet:*', 'DataTransferLength < 512', srb],
];

const refused: readonly (readonly [name: string, condition: string, text: RegExp])[] = [
  ['vector:#PV', '', /Did you mean "vector:#P[FE]"|Did you mean "vector:#DB"/],
  ['io:COM', '', /no port; did you mean "io:COM[12]"/],
  ['vector:256', '', /no vector "256"/],
  ['vmbus:OpenChanel', '', /no VMBus message .* Did you mean "vmbus:OpenChannel"/],
  ['vmbus:OpenChannel', 'RelId == 1', /"RelId" is no field/],
  ['packet:scsii', '', /Did you mean "packet:scsi"/],
  ['packet:scsi.ExecuteSbr', '', /Did you mean "packet:scsi.ExecuteSrb"/],
  ['packet:smb.Read', '', /has no operation "Read".*not published/],
  ['packet:scsi', 'DataDirection == Raed', /No value of "DataDirection" .* Did you mean "read"/],
  ['io:0xe9', 'prot == 1', /"prot" is no field .* Did you mean "port"/],
  ['io:0xe9', 'leaf == 1', /"leaf" is no field .* Fields: reason, qualification/],
  ['hypercall:*', 'code == HvCallPostMesage', /No value of "code" .* Did you mean "hvcallpost/],
  ['exit:*', 'reason == "nothing"', /No value of "reason" is called "nothing"/],
  ['exit:*', 'mian == 1', /"mian" is no field/],
  ['exit:* log reason {reson}', '', /log message is wrong: "reson" .* Did you mean "reason"/],
];

describe('event breakpoints', () => {
  for (const [name, condition, event] of [...stops, ...rangeStops]) {
    it(`${name} if ${condition || 'anything'} stops`, () => {
      const breakpoints = new BreakpointSet();
      const { id, target } = set(breakpoints, name, condition);
      assert(target.kind === 'event', JSON.stringify(target));
      assert.deepEqual([...breakpoints.watchedKinds], [event.kind]);
      const verdict = breakpoints.reachedEvent(event, contextOf);
      assert.deepEqual(verdict, { stopped: [id], titles: [target.title], notes: [], logs: [] });
    });
  }
  for (const [name, condition, event] of passes) {
    it(`${name} if ${condition || 'anything'} lets others pass`, () => {
      const breakpoints = new BreakpointSet();
      set(breakpoints, name, condition);
      const verdict = breakpoints.reachedEvent(event, contextOf);
      assert.deepEqual(verdict?.stopped ?? [], []);
    });
  }
  for (const [name, condition, text] of refused) {
    it(`${name} if ${condition || 'anything'} is refused`, () => {
      const breakpoints = new BreakpointSet();
      const { target } = set(breakpoints, name, condition);
      assert(target.kind === 'none');
      assert.match(target.message, text);
    });
  }

  it('stay refused for their condition when the program changes', () => {
    const breakpoints = new BreakpointSet();
    set(breakpoints, 'exit:*', 'nosuch');
    breakpoints.retarget('named', [resolveNamedBreakpoint('exit:*', symbols)]);
    assert.equal(breakpoints.watchedKinds.size, 0);
  });

  it('take symbols and registers in conditions', () => {
    const { target } = set(new BreakpointSet(), 'exit:*', '$rip == main && cr3 == GUEST_CR3');
    assert.equal(target.kind, 'event');
  });

  it('log instead of stopping where the name says so', () => {
    const breakpoints = new BreakpointSet();
    const { id } = set(breakpoints, 'io:0xe9:w log wrote {value} to {port}');
    const verdict = breakpoints.reachedEvent(outE9, contextOf);
    assert.deepEqual(verdict?.stopped, []);
    assert.deepEqual(verdict.logs, [{ id, text: 'wrote 0x48 to 0xe9' }]);
  });

  it('have texts among their fields', () => {
    assert.equal(eventFields(crash).get('message'), 'Oops');
    assert.equal(contextOf(crash).field('message'), 'Oops');
  });
});
