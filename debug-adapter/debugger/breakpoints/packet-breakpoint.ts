/** Breakpoints on packets in VMBus rings: `packet:scsi`, `packet:scsi.ExecuteSrb`, `packet:kvp.Enumerate`, `packet:*`. */
import {
  deviceClassByName,
  deviceClasses,
  socketDeviceClassName,
} from '../../spec/vmbus/device-classes';
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import type { StructLayout } from '../../support/struct-layout';
import { nearestName } from '../../support/nearest-name';
import { packetOperation } from '../traffic/decode-traffic';
import { packetFieldNames } from '../traffic/traffic-fields';
import { noTarget, onEvent, type BreakpointTarget } from './breakpoint';

/**
 * Names that the operation fields of a layout can have, wherever in it they are.
 * @param messages values of the first of the fields that count; all where it is absent
 */
function operationNames(
  layout: StructLayout,
  fields: readonly string[],
  messages?: readonly number[],
): readonly string[] {
  const counts = (field: string, value: number): boolean =>
    field !== fields[0] || messages === undefined || messages.includes(value);
  const own = fields.flatMap((field) => {
    const meaning = layout.byName.get(field)?.meaning;
    if (meaning?.kind !== 'values') return [];
    return Object.entries(meaning.names).flatMap(([value, name]) =>
      counts(field, Number(value)) ? [name] : [],
    );
  });
  const inner = layout.parts.flatMap((part) =>
    part.kind === 'choice'
      ? [...part.cases]
          .filter(([value]) => counts(part.by, value))
          .flatMap(([, each]) => operationNames(each, fields, messages))
      : [],
  );
  return [...own, ...inner];
}

/** What packets of a class can do, be it that another class of the protocol does it. */
function operationsOf(classId: string, messages?: readonly number[]): readonly string[] {
  const protocol = deviceProtocolByClass.get(classId);
  if (protocol === undefined) return [];
  const { message, completion, operationFields } = protocol;
  return [
    ...new Set(
      [message, completion].flatMap((each) => operationNames(each, operationFields, messages)),
    ),
  ];
}

/** What packets of a class are meant to do. */
export function ownOperationsOf(classId: string): readonly string[] {
  return operationsOf(classId, deviceProtocolByClass.get(classId)?.messages);
}

function onPackets(
  title: string,
  classId: string | undefined,
  operation: string | undefined,
): BreakpointTarget {
  return onEvent('vmbus-packet', title, packetFieldNames(classId), (packet) => {
    if (classId !== undefined && packet.classId !== classId) return false;
    return operation === undefined || packetOperation(packet) === operation;
  });
}

const classNames = [...deviceClasses.map(({ name }) => name), socketDeviceClassName];

/** Resolves what follows `packet:`. */
export function resolvePacketBreakpoint(text: string): BreakpointTarget {
  if (text === '*') return onPackets('any VMBus packet', undefined, undefined);
  const dot = text.indexOf('.');
  const className = (dot < 0 ? text : text.slice(0, dot)).trim().toLowerCase();
  const wanted = dot < 0 ? '*' : text.slice(dot + 1).trim();
  if (!classNames.includes(className)) {
    const near = nearestName(className, classNames);
    const hint =
      near === undefined ? `Known: ${classNames.join(', ')}.` : `Did you mean "packet:${near}"?`;
    return noTarget(`There is no class of VMBus devices "${className}". ${hint}`);
  }
  const title = deviceClassByName.get(className)?.title ?? className;
  if (wanted === '*') return onPackets(`any packet of ${title}`, className, undefined);
  const operations = operationsOf(className);
  const operation = operations.find((name) => name.toLowerCase() === wanted.toLowerCase());
  if (operation !== undefined) return onPackets(`${operation} of ${title}`, className, operation);
  const near = nearestName(wanted, operations);
  const hint =
    near === undefined
      ? `Known: ${operations.join(', ') || 'none, as its protocol is not published'}.`
      : `Did you mean "packet:${className}.${near}"?`;
  return noTarget(`${title} has no operation "${wanted}". ${hint}`);
}
