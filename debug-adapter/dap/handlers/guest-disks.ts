/** Requests about the disks of guests. */
import { diskFormats, diskRequest, type DisksBody } from '../../protocol/guest-disks';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, RequestHandler, SessionState } from '../session-state';

function disks({ control }: SessionState, args: RequestArguments): DisksBody {
  return { disks: control.disksOf(args.integer('partition')) };
}

function attaching(isAttached: boolean): RequestHandler {
  return ({ launched }, args) => {
    launched.control.setDiskAttached(args.integer('partition'), args.integer('disk'), isAttached);
    launched.run.wake();
    return undefined;
  };
}

function formatOf(text: string | undefined): (typeof diskFormats)[number] | undefined {
  const format = diskFormats.find((known) => known === text);
  if (format !== undefined || text === undefined) return format;
  throw new UserError(
    'bad-arguments',
    `There is no format "${text}"; known: ${diskFormats.join(', ')}.`,
  );
}

function exportDisk(session: SessionState, args: RequestArguments): undefined {
  const place = { partition: args.integer('partition'), disk: args.integer('disk') };
  const target = { path: args.string('path'), format: formatOf(args.optionalString('format')) };
  const writing = session.control.beginDiskExport(place, target);
  const title = `Hyperscope: writing disk ${place.disk} to ${target.path}`;
  return session.later((answer) => {
    session.exports.start(writing, title, (error) => {
      answer(() => {
        if (error !== undefined) throw error;
        return undefined;
      });
    });
  });
}

/** Handlers of this group. */
export const guestDiskHandlers: HandlerTable = {
  [diskRequest.disks]: disks,
  [diskRequest.attachDisk]: attaching(true),
  [diskRequest.detachDisk]: attaching(false),
  [diskRequest.exportDisk]: exportDisk,
};
