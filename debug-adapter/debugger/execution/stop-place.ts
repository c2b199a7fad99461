/** Describes the place of a stop from memory and symbols. */
import type { CodeReader } from '../inspection/code-reader';
import { formatAddress, type AddressNamer } from '../value-format';
import type { StopPlace } from './stop-report';

/** The place `rip`. */
export function stopPlace(rip: bigint, code: CodeReader, nameOf: AddressNamer): StopPlace {
  return {
    where: formatAddress(rip, nameOf),
    decode: (bytes) => {
      const row = code.decode(bytes, rip, 1)[0];
      return row?.valid === true ? row : undefined;
    },
  };
}
