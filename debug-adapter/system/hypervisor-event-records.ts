/** Records of what the hypervisor did besides exits: MSR accesses, intercept messages, timers, overlays, switches. */
import {
  interceptAccessTypes,
  interceptKinds,
  switchReasons,
  timerSources,
  type InterceptMessageEvent,
  type MsrAccessEvent,
  type OverlayChangeEvent,
  type ScheduleSwitchEvent,
  type TimerExpirationEvent,
} from '../machine/trace';
import { present } from '../support/assert';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import { limits } from './limits';
import {
  interceptMessageRecord,
  msrAccessRecord,
  overlayChangeRecord,
  scheduleSwitchRecord,
  timerExpirationRecord,
} from './trace-records';
import { fieldBytes, type RecordCodec } from './trace-stream';

const flag = (value: boolean): bigint => (value ? 1n : 0n);

export const msrAccessCodec: RecordCodec<MsrAccessEvent> = {
  layout: msrAccessRecord,
  encode(event, write) {
    write('value', event.value);
    write('msr', BigInt(event.msr));
    write('isWrite', flag(event.isWrite));
    write('isRefused', flag(event.isRefused));
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'msr-access',
      msr: Number(read('msr')),
      isWrite: read('isWrite') !== 0n,
      value: read('value'),
      isRefused: read('isRefused') !== 0n,
    };
  },
};

export const interceptMessageCodec: RecordCodec<InterceptMessageEvent> = {
  layout: interceptMessageRecord,
  encode(event, write) {
    write('address', BigInt(event.address));
    write('value', event.value);
    write('intercept', BigInt(interceptKinds.indexOf(event.intercept)));
    write('sizeBytes', BigInt(event.sizeBytes));
    write('accessType', BigInt(interceptAccessTypes.indexOf(event.accessType)));
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'intercept-message',
      intercept: present(interceptKinds[Number(read('intercept'))], 'kind of intercept'),
      address: Number(read('address')),
      sizeBytes: Number(read('sizeBytes')),
      accessType: present(interceptAccessTypes[Number(read('accessType'))], 'type of access'),
      value: read('value'),
    };
  },
};

export const timerExpirationCodec: RecordCodec<TimerExpirationEvent> = {
  layout: timerExpirationRecord,
  encode(event, write) {
    write('dueNs', BigInt(event.dueNs));
    write('source', BigInt(timerSources.indexOf(event.source)));
    write('timer', BigInt(event.timer));
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'timer-expiration',
      source: present(timerSources[Number(read('source'))], 'source of the timer'),
      timer: Number(read('timer')),
      dueNs: Number(read('dueNs')),
    };
  },
};

export const overlayChangeCodec: RecordCodec<OverlayChangeEvent> = {
  layout: overlayChangeRecord,
  encode(event, write, record) {
    const name = encodeUtf8(event.page).subarray(0, limits.traceOverlayNameBytes);
    write('gpaPage', BigInt(event.gpaPage));
    write('isLaid', flag(event.isLaid));
    write('nameLength', BigInt(name.length));
    fieldBytes(overlayChangeRecord, record, 'name').set(name);
  },
  decode(header, record, read) {
    const name = fieldBytes(overlayChangeRecord, record, 'name');
    return {
      ...header,
      kind: 'overlay-change',
      page: decodeUtf8(name.subarray(0, Number(read('nameLength')))),
      gpaPage: Number(read('gpaPage')),
      isLaid: read('isLaid') !== 0n,
    };
  },
};

export const scheduleSwitchCodec: RecordCodec<ScheduleSwitchEvent> = {
  layout: scheduleSwitchRecord,
  encode(event, write) {
    write('atNs', BigInt(event.atNs));
    write('ranNs', BigInt(event.ranNs));
    write('partitionRunNs', BigInt(event.partitionRunNs));
    write('logicalProcessor', BigInt(event.logicalProcessor));
    write('begins', flag(event.begins));
    write('reason', BigInt(switchReasons.indexOf(event.reason)));
  },
  decode(header, _record, read) {
    return {
      ...header,
      kind: 'schedule-switch',
      logicalProcessor: Number(read('logicalProcessor')),
      begins: read('begins') !== 0n,
      reason: present(switchReasons[Number(read('reason'))], 'reason of a switch'),
      atNs: Number(read('atNs')),
      ranNs: Number(read('ranNs')),
      partitionRunNs: Number(read('partitionRunNs')),
    };
  },
};
