/** Messages about files that a person gave as a guest. */
import { UserError } from '../../support/user-error';
import type { ImageFile } from '../machine-configuration';

export const copyAgainHint = 'Build or copy the file again.';

/** `image-ID`: "The guest image PATH PROBLEM." */
export function imageError(
  image: ImageFile,
  id: string,
  problem: string,
  hint = copyAgainHint,
): UserError {
  return new UserError(`image-${id}`, `The guest image ${image.path} ${problem}.`, hint);
}

/** The file ends too early. */
export function truncatedImage(image: ImageFile, what: string): UserError {
  return imageError(image, 'truncated', `ends before ${what} does`);
}
