/** Guest services: copies a file of the host into a folder of the guest. */
import {
  fileCopyFlag,
  fileCopyFragmentBytesMax,
  FileCopyOperation,
  fileCopyStart,
  fileCopyWrite,
  icFileCopy,
  IcMessageType,
  IcStatus,
} from '../../spec/vmbus/integration';
import { present } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { structWriter, type StructLayout } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import { encodeUtf16 } from '../../support/utf16';
import type { OpenChannel } from '../vmbus/provider';
import { IntegrationComponent } from './integration-component';

const timeLimitNs = 60_000_000_000;

/** Bytes of a file: it is part of the machine's state while it is copied. */
const fileBytesMaximum = 16 * 1024 * 1024;

const steps = ['idle', 'starting', 'writing', 'completing', 'cancelling'] as const;

/** Where a copy stands. */
export type CopyStep = (typeof steps)[number];

/** A file on its way. */
export interface CopiedFile {
  /** Absolute path in the guest. */
  readonly path: string;
  readonly data: Uint8Array;
}

export class FileCopy extends IntegrationComponent {
  private step: CopyStep = 'idle';
  private path = '';
  private data = new Uint8Array(0);
  /** Bytes that the guest has acknowledged. */
  private done = 0;
  private status = 0;

  constructor() {
    super({ className: 'fcopy', messageType: IcMessageType.fileCopy, versions: [[1, 1]] });
  }

  get detail(): string {
    if (this.path === '') return this.phase === 'ready' ? 'nothing copied' : '';
    const { step, path, status, done } = this;
    if (step !== 'idle') return `${path}: ${step}, ${done} of ${this.data.length} bytes`;
    return status === 0 ? `${path}: copied, ${done} bytes` : `${path}: ${describeStatus(status)}`;
  }

  /** @throws UserError where the guest does not use the component, or the file cannot be copied */
  copy({ path, data }: CopiedFile): void {
    const channel = this.requireReady();
    const { folder, name } = splitPath(path);
    if (data.length > fileBytesMaximum) {
      throw new UserError(
        'copy-too-large',
        `A file that is copied into a guest has at most ${fileBytesMaximum} bytes.`,
      );
    }
    if (this.step !== 'idle') {
      throw new UserError('integration-busy', `"${this.path}" is still being copied.`);
    }
    this.path = path;
    this.data = data.slice();
    this.done = 0;
    this.status = 0;
    this.step = 'starting';
    const body = head(FileCopyOperation.start, fileCopyStart);
    setText(body, 'FileName', name);
    // Linux's daemon makes the folders that a slash follows.
    setText(body, 'DestinationPath', `${folder}/`);
    const set = structWriter(fileCopyStart, body, icFileCopy.sizeBytes);
    set('CopyFlags', BigInt(fileCopyFlag.overwrite | fileCopyFlag.createPath));
    set('FileSize', BigInt(data.length));
    this.request(channel, body, timeLimitNs);
  }

  protected started(): void {
    this.resetOwn();
  }

  protected answered(channel: OpenChannel, status: number): void {
    if (this.step === 'cancelling' || this.step === 'completing') {
      if (this.step === 'completing') this.status = status;
      return this.finish();
    }
    if (status !== IcStatus.ok) {
      this.status = status;
      this.step = 'cancelling';
      return this.request(channel, head(FileCopyOperation.cancel), timeLimitNs);
    }
    if (this.step === 'writing') {
      this.done = Math.min(this.data.length, this.done + fileCopyFragmentBytesMax);
    }
    this.writeNext(channel);
  }

  protected unanswered(): void {
    this.status = IcStatus.notConnected;
    this.finish();
  }

  protected stopped(): void {
    if (this.step === 'idle') return;
    this.status = IcStatus.notConnected;
    this.finish();
  }

  protected resetOwn(): void {
    this.step = 'idle';
    this.path = '';
    this.data = new Uint8Array(0);
    this.done = 0;
    this.status = 0;
  }

  protected saveOwn(): StateNode {
    const { step, path, data, done, status } = this;
    return { step, path, data, done, status };
  }

  protected restoreOwn(record: StateRecord): void {
    this.step = record.choice('step', steps);
    this.path = record.string('path');
    this.data = record.bytes('data').slice();
    this.done = record.number('done');
    this.status = record.number('status');
  }

  private writeNext(channel: OpenChannel): void {
    const fragment = this.data.subarray(this.done, this.done + fileCopyFragmentBytesMax);
    if (fragment.length === 0) {
      this.step = 'completing';
      return this.request(channel, head(FileCopyOperation.complete), timeLimitNs);
    }
    this.step = 'writing';
    const body = head(FileCopyOperation.write, fileCopyWrite);
    const set = structWriter(fileCopyWrite, body, icFileCopy.sizeBytes);
    set('Offset', BigInt(this.done));
    set('Size', BigInt(fragment.length));
    body.set(fragment, textAt(fileCopyWrite, 'Data'));
    this.request(channel, body, timeLimitNs);
  }

  private finish(): void {
    this.step = 'idle';
    this.data = new Uint8Array(0);
  }
}

const statusTexts: ReadonlyMap<number, string> = new Map([
  [IcStatus.fail, 'failed'],
  [IcStatus.alreadyExists, 'a file of this name exists'],
  [IcStatus.diskFull, 'the disk is full'],
  [IcStatus.notConnected, 'the guest stopped answering'],
]);

function describeStatus(status: number): string {
  return statusTexts.get(status) ?? `status 0x${status.toString(16)}`;
}

function textAt(layout: StructLayout, field: string): number {
  return icFileCopy.sizeBytes + present(layout.byName.get(field), 'field of a message').offset;
}

function setText(body: Uint8Array, field: string, text: string): void {
  body.set(encodeUtf16(text), textAt(fileCopyStart, field));
}

function head(operation: number, layout?: StructLayout): Uint8Array {
  const body = new Uint8Array(icFileCopy.sizeBytes + (layout?.sizeBytes ?? 0));
  structWriter(icFileCopy, body)('Operation', BigInt(operation));
  return body;
}

/** Characters of a name or a folder, with room for a slash and the final zero. */
const textMaximum = 258;

function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, Math.max(slash, 1));
  const name = path.slice(slash + 1);
  const isPath = path.startsWith('/') && name !== '' && !path.includes('\0');
  if (isPath && folder.length <= textMaximum && name.length <= textMaximum) return { folder, name };
  throw new UserError(
    'copy-path',
    `"${path}" is no absolute path of a file in the guest.`,
    'Name the file with its folder, such as /tmp/notes.txt.',
  );
}
