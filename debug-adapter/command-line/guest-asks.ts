/** What the command line asks of a guest through its integration components, one after another. */
import type { GuestIntegration, GuestRequest } from '../debugger/guest-integration';
import { nearestName } from '../support/nearest-name';
import { UserError } from '../support/user-error';
import { decimalNumber } from './decimal';

/** One thing to do: wait for a text on the console, or ask the guest. */
export type GuestAsk =
  | { readonly kind: 'when'; readonly text: string }
  | { readonly kind: 'copy'; readonly file: string; readonly path: string }
  | { readonly kind: 'disk'; readonly disk: number; readonly isAttached: boolean }
  | {
      readonly kind: 'export';
      readonly disk: number;
      readonly path: string;
      /** Only while the guest's file systems are frozen. */
      readonly isBackup: boolean;
    }
  | { readonly kind: 'ask'; readonly component: string; readonly request: GuestRequest };

/** What asking needs of a run. */
export interface AskedGuest {
  readonly integration: GuestIntegration;
  ask(request: GuestRequest): void;
  setDiskAttached(disk: number, isAttached: boolean): void;
  /** Writes a disk as it is now. */
  exportDisk(disk: number, path: string): void;
}

const words = [
  ...['shutdown', 'restart', 'hibernate', 'data', 'set', 'delete', 'freeze', 'thaw', 'copy'],
  ...['time', 'attach', 'detach', 'export', 'backup', 'when', 'addresses', 'set-addresses'],
] as const;

function wrong(text: string): UserError {
  const near = nearestName(text.split(' ')[0] ?? '', words);
  return new UserError(
    'command-line',
    `--ask knows no "${text}".`,
    near === undefined ? `Known: ${words.join(', ')}.` : `Did you mean "${near}"?`,
  );
}

function parseOne(text: string): readonly GuestAsk[] {
  const [word = '', ...others] = text.split(' ');
  const rest = others.join(' ').trim();
  switch (word) {
    case 'attach':
    case 'detach':
      return [{ kind: 'disk', disk: diskNumber(text, rest), isAttached: word === 'attach' }];
    case 'export':
      return [parseExport(text, rest, false)];
    case 'backup':
      // The file systems are frozen only while the disk is copied.
      return [...parseOne('freeze'), parseExport(text, rest, true), ...parseOne('thaw')];
    default:
      return [parseRequest(text, word, rest)];
  }
}

function diskNumber(text: string, number: string): number {
  const disk = decimalNumber(number);
  if (disk === undefined) throw wrong(text);
  return disk;
}

function parseExport(text: string, rest: string, isBackup: boolean): GuestAsk {
  const [number = '', path = '', ...more] = rest.split(' ');
  if (path === '' || more.length > 0) throw wrong(text);
  return { kind: 'export', disk: diskNumber(text, number), path, isBackup };
}

function parseRequest(text: string, word: string, rest: string): GuestAsk {
  const ask = (component: string, request: GuestRequest): GuestAsk => ({
    kind: 'ask',
    component,
    request,
  });
  const equals = rest.indexOf('=');
  switch (word) {
    case 'shutdown':
      return ask('shutdown', { kind: 'guest-shutdown', action: 'shut-down' });
    case 'restart':
    case 'hibernate':
      return ask('shutdown', { kind: 'guest-shutdown', action: word });
    case 'time':
      return ask('timesync', { kind: 'guest-time-sync' });
    case 'data':
      return ask('kvp', { kind: 'guest-data-query' });
    case 'set':
      if (equals <= 0) throw wrong(text);
      return ask('kvp', {
        kind: 'guest-data-set',
        key: rest.slice(0, equals),
        value: rest.slice(equals + 1),
      });
    case 'delete':
      return ask('kvp', { kind: 'guest-data-delete', key: rest });
    case 'addresses':
      if (rest === '') throw wrong(text);
      return ask('kvp', { kind: 'guest-address-query', adapter: rest });
    case 'set-addresses':
      return ask('kvp', addressSetting(text, rest));
    case 'freeze':
      return ask('vss', { kind: 'guest-freeze' });
    case 'thaw':
      return ask('vss', { kind: 'guest-thaw' });
    case 'copy': {
      const [file = '', path = '', ...more] = rest.split(' ');
      if (path === '' || more.length > 0) throw wrong(text);
      return { kind: 'copy', file, path };
    }
    case 'when':
      if (rest === '') throw wrong(text);
      return { kind: 'when', text: rest };
    default:
      throw wrong(text);
  }
}

/** `ADAPTER dhcp`, or `ADAPTER ADDRESSES MASKS [GATEWAYS [DNS]]`, in which lists have commas. */
function addressSetting(text: string, rest: string): GuestRequest {
  const [adapter = '', first = '', ...others] = rest.split(' ');
  const isDhcp = first === 'dhcp';
  const most = isDhcp ? 0 : 3;
  if (first === '' || others.length > most || (!isDhcp && others.length === 0)) {
    throw wrong(text);
  }
  const [addresses = '', subnetMasks = '', gateways = '', dnsServers = ''] = isDhcp
    ? []
    : [first, ...others].map((list) => list.replaceAll(',', ';'));
  return {
    ...{ kind: 'guest-address-set', adapter, assignment: isDhcp ? 'dhcp' : 'static' },
    ...{ addresses, subnetMasks, gateways, dnsServers },
  };
}

/** Parses a list with semicolons. @throws UserError that says what is wrong */
export function parseAsks(text: string | undefined): readonly GuestAsk[] {
  if (text === undefined) return [];
  const parts = text.split(';').map((part) => part.trim());
  return parts.filter((part) => part !== '').flatMap(parseOne);
}

type DoableAsk = Exclude<GuestAsk, { kind: 'when' | 'copy' }>;

/** Goes through a list: the next request is made once the guest can take it and has answered the last one. */
export class GuestAsks {
  private readonly left: GuestAsk[];
  private asked: Extract<GuestAsk, { kind: 'ask' }> | undefined;

  /** @param readFile contents of a file of the host */
  constructor(
    asks: readonly GuestAsk[],
    private readonly readFile: (path: string) => Uint8Array,
  ) {
    this.left = [...asks];
  }

  /**
   * Does what can be done now.
   * @param hasShown whether the guest's console has shown a text
   * @returns what a person should hear
   */
  advance(guest: AskedGuest, hasShown: (text: string) => boolean): readonly string[] {
    if (this.asked === undefined && this.left.length === 0) return [];
    const messages: string[] = [];
    if (this.asked !== undefined) {
      const { component, request } = this.asked;
      if (isBusy(guest.integration, component)) return [];
      this.asked = undefined;
      messages.push(...answerTo(guest.integration, component, request));
    }
    const next = this.next(hasShown);
    if (next === undefined) return messages;
    if (next.kind === 'ask' && !isReady(guest.integration, next.component)) return messages;
    this.left.shift();
    try {
      messages.push(...this.perform(guest, next));
    } catch (refusal) {
      // The others are still worth asking.
      if (!(refusal instanceof UserError)) throw refusal;
      messages.push(refusal.text);
    }
    return messages;
  }

  private perform(guest: AskedGuest, next: DoableAsk): readonly string[] {
    switch (next.kind) {
      case 'ask':
        guest.ask(next.request);
        this.asked = next;
        return [];
      case 'disk':
        guest.setDiskAttached(next.disk, next.isAttached);
        return [`Disk ${next.disk} is ${next.isAttached ? 'attached' : 'detached'}.`];
      case 'export':
        if (next.isBackup && !isFrozen(guest.integration)) {
          return [`Disk ${next.disk} is not backed up: the guest's file systems are not frozen.`];
        }
        guest.exportDisk(next.disk, next.path);
        return [`Disk ${next.disk} is in ${next.path}.`];
    }
  }

  private next(hasShown: (text: string) => boolean): DoableAsk | undefined {
    const [first] = this.left;
    if (first === undefined) return undefined;
    if (first.kind === 'when') {
      if (!hasShown(first.text)) return undefined;
      this.left.shift();
      return this.next(hasShown);
    }
    if (first.kind !== 'copy') return first;
    const { path, file } = first;
    const request = { kind: 'guest-file-copy', path, data: this.readFile(file) } as const;
    const asked = { kind: 'ask', component: 'fcopy', request } as const;
    this.left[0] = asked;
    return asked;
  }
}

function isBusy({ components }: GuestIntegration, name: string): boolean {
  return components.some((component) => component.name === name && component.isBusy);
}

function isReady({ components }: GuestIntegration, name: string): boolean {
  return components.some(
    (component) => component.name === name && component.phase === 'ready' && !component.isBusy,
  );
}

function isFrozen({ components }: GuestIntegration): boolean {
  return components.some(({ name, detail }) => name === 'vss' && detail === 'frozen');
}

function answerTo(
  integration: GuestIntegration,
  name: string,
  request: GuestRequest,
): readonly string[] {
  const found = integration.components.find((component) => component.name === name);
  return [
    `${found?.title ?? name}: ${found?.detail ?? 'gone'}`,
    ...linesOf(integration, request).map((line) => `  ${line}`),
  ];
}

/** What the guest has told, for requests that ask it. */
function linesOf({ data, adapters }: GuestIntegration, request: GuestRequest): readonly string[] {
  if (request.kind === 'guest-data-query') {
    return data.map(({ pool, key, value }) => `${pool} ${key} = ${value}`);
  }
  if (request.kind !== 'guest-address-query') return [];
  const found = adapters.find(({ adapter }) => adapter === request.adapter);
  if (found === undefined) return [];
  const { addresses, subnetMasks, gateways, dnsServers, assignment } = found;
  const rows = [
    ['addresses', addresses],
    ['subnet masks', subnetMasks],
    ['gateways', gateways],
    ['DNS servers', dnsServers],
    ['DHCP', assignment === 'dhcp' ? 'yes' : 'no'],
  ] as const;
  return rows.map(([title, text]) => `${title}: ${text || 'none'}`);
}
