/** IP configuration of a guest's adapters in messages of data exchange. */
import type { IpConfiguration } from '../../machine/guest-operation';
import {
  icKvp,
  kvpAddressFamily,
  kvpIpBodyBytes,
  kvpIpInfo,
  KvpOperation,
} from '../../spec/vmbus/integration';
import { present } from '../../support/assert';
import { readField, structWriter } from '../../support/struct-layout';
import { decodeUtf16, encodeUtf16 } from '../../support/utf16';
import { UserError } from '../../support/user-error';

const textNames = ['addresses', 'subnetMasks', 'gateways', 'dnsServers'] as const;

const fieldOf = {
  adapter: 'AdapterId',
  addresses: 'IpAddresses',
  subnetMasks: 'SubnetMasks',
  gateways: 'Gateways',
  dnsServers: 'DnsServers',
} as const;
type TextName = keyof typeof fieldOf;

const body = icKvp.sizeBytes;

function placeOf(name: TextName): { readonly offset: number; readonly length: number } {
  const { offset, type } = present(kvpIpInfo.byName.get(fieldOf[name]), 'field of a message');
  return { offset: body + offset, length: typeof type === 'object' ? type.bytes : 0 };
}

/** @throws UserError where a text is too long for its field, or there is no adapter */
export function checkIpConfiguration(configuration: IpConfiguration): void {
  for (const name of ['adapter', ...textNames] as const) {
    const text = configuration[name];
    const { length } = placeOf(name);
    const isEmpty = name === 'adapter' && text === '';
    if (!isEmpty && !text.includes('\0') && encodeUtf16(text).length <= length) continue;
    throw new UserError(
      'integration-text',
      `"${text}" cannot be said of an adapter of the guest.`,
      `Write at most ${length / 2 - 1} characters and no zero among them.`,
    );
  }
}

/** A message that asks for the addresses of an adapter. */
export function encodeIpQuery(adapter: string): Uint8Array {
  return encode(KvpOperation.getIpInfo, { adapter });
}

/** A message that sets them. */
export function encodeIpSetting(configuration: IpConfiguration): Uint8Array {
  return encode(KvpOperation.setIpInfo, configuration);
}

function encode(operation: number, configuration: Partial<IpConfiguration>): Uint8Array {
  const bytes = new Uint8Array(kvpIpBodyBytes);
  structWriter(icKvp, bytes)('Operation', BigInt(operation));
  const set = structWriter(kvpIpInfo, bytes, body);
  for (const name of ['adapter', ...textNames] as const) {
    bytes.set(encodeUtf16(configuration[name] ?? ''), placeOf(name).offset);
  }
  const { assignment, addresses = '' } = configuration;
  const isIpv6 = addresses.includes(':');
  const isIpv4 = addresses.includes('.');
  const both = kvpAddressFamily.ipv4 | kvpAddressFamily.ipv6;
  const one = isIpv6 ? kvpAddressFamily.ipv6 : kvpAddressFamily.ipv4;
  set('AddressFamily', BigInt(isIpv4 === isIpv6 ? both : one));
  set('DhcpEnabled', BigInt(assignment === 'dhcp'));
  return bytes;
}

/** What a guest has told of an adapter; undefined where its answer is too short for it. */
export function decodeIpAnswer(adapter: string, answer: Uint8Array): IpConfiguration | undefined {
  if (answer.length < body + kvpIpInfo.sizeBytes) return undefined;
  const text = (name: TextName): string => {
    const { offset, length } = placeOf(name);
    return decodeUtf16(answer.subarray(offset, offset + length));
  };
  return {
    adapter,
    assignment: readField(kvpIpInfo, answer, 'DhcpEnabled', body) === 0n ? 'static' : 'dhcp',
    addresses: text('addresses'),
    subnetMasks: text('subnetMasks'),
    gateways: text('gateways'),
    dnsServers: text('dnsServers'),
  };
}
