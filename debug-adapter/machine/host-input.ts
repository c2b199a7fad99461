/** Everything that enters the machine from outside; recorded with its position before it takes effect. */
import type { GuestOperation } from './guest-operation';

/** An edit by the person or a test, or an event of the outside world. */
export type HostInput =
  | GuestOperation
  | {
      readonly kind: 'console-input';
      readonly partition: number;
      /** First port of the chip that takes it; the guest's first serial port where it is absent. */
      readonly port?: number;
      readonly data: Uint8Array;
    }
  /** Puts a disk in, or takes it out; `disk` counts from 0 in the order of the guest's configuration. */
  | { readonly kind: 'attach-disk'; readonly partition: number; readonly disk: number }
  | { readonly kind: 'detach-disk'; readonly partition: number; readonly disk: number }
  /** Stops a partition: the processors of a guest, or the work of the parent. */
  | { readonly kind: 'pause-partition'; readonly partition: number }
  | { readonly kind: 'resume-partition'; readonly partition: number }
  | {
      /** Makes the parent change what a guest may do with pages of its RAM. */
      readonly kind: 'protect-pages';
      readonly partition: number;
      /** Of the first page. */
      readonly gpa: number;
      readonly pages: number;
      /** Rights of the second-level map. */
      readonly rights: number;
    }
  /** Takes a guest apart, or starts one again that has ended or been taken apart. */
  | { readonly kind: 'delete-partition'; readonly partition: number }
  | { readonly kind: 'start-partition'; readonly partition: number }
  | {
      /** Puts a saved guest into its place. */
      readonly kind: 'restore-partition';
      readonly partition: number;
      /** Of the file: what is kept of it in a saved machine, whose past nobody goes back to. */
      readonly digest: string;
      readonly file: Uint8Array;
    }
  | {
      readonly kind: 'edit-gpr';
      readonly partition: number;
      readonly processor: number;
      readonly register: number;
      readonly value: bigint;
    }
  | {
      readonly kind: 'edit-rip';
      readonly partition: number;
      readonly processor: number;
      readonly value: bigint;
    }
  | {
      readonly kind: 'edit-rflags';
      readonly partition: number;
      readonly processor: number;
      readonly value: number;
    }
  | {
      readonly kind: 'edit-vmcs';
      readonly partition: number;
      readonly processor: number;
      readonly encoding: number;
      readonly value: bigint;
    }
  | {
      readonly kind: 'edit-msr';
      readonly partition: number;
      readonly processor: number;
      readonly msr: number;
      readonly value: bigint;
    }
  | {
      readonly kind: 'edit-memory';
      readonly partition: number;
      readonly gpa: number;
      readonly data: Uint8Array;
    };

/** A host input and the moment it was accepted. */
export interface RecordedInput {
  /** Position before the input; accepting it is one step. */
  readonly position: number;
  readonly timeNs: number;
  readonly input: HostInput;
}
