/** Lists of IP addresses as a person types them: what is wrong with one, and how a guest is sent it; pure. */
import { isIP } from 'node:net';

const parts = (text: string): readonly string[] =>
  text.split(/[\s,;]+/).filter((part) => part !== '');

const isMask = (text: string): boolean =>
  isIP(text) !== 0 || (/^\d{1,3}$/.test(text) && Number(text) <= 128);

/** Instance of a device, in braces or without. */
const instancePattern = /^\{?[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\}?$/i;

/** What is wrong with the instance of an adapter; undefined where nothing is. */
export function adapterProblem(text: string): string | undefined {
  return instancePattern.test(text.trim())
    ? undefined
    : 'The instance of its device: {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}.';
}

/** The instance in braces and small letters. */
export function adapterInstance(text: string): string {
  return `{${text.trim().replace(/[{}]/g, '').toLowerCase()}}`;
}

/** What is wrong with a list of addresses; undefined where nothing is. */
export function addressesProblem(text: string, isOptional: boolean): string | undefined {
  const all = parts(text);
  if (all.length === 0 && !isOptional) return 'An address is needed.';
  const wrong = all.find((part) => isIP(part) === 0);
  return wrong === undefined ? undefined : `${wrong} is no IPv4 or IPv6 address.`;
}

/** What is wrong with the subnet masks of `addresses`: one for each, as an address or, for IPv6, the length of a prefix. */
export function masksProblem(text: string, addresses: string): string | undefined {
  const all = parts(text);
  const wrong = all.find((part) => !isMask(part));
  if (wrong !== undefined) return `${wrong} is neither a mask nor the length of a prefix.`;
  const wanted = parts(addresses).length;
  if (all.length === wanted) return undefined;
  return wanted === 1 ? 'One mask is needed.' : `${wanted} masks are needed: one for each address.`;
}

/** As a guest is sent it: with semicolons. */
export function addressList(text: string): string {
  return parts(text).join(';');
}
