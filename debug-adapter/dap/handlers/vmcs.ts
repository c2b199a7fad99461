/** The custom requests of the VMCS inspector. */
import type { VmcsMoment } from '../../debugger/inspection/vmcs-inspection';
import { customRequest } from '../../protocol/custom-requests';
import type { VmcsBody } from '../../protocol/vmcs-requests';
import { UserError } from '../../support/user-error';
import type { RequestArguments } from '../request-arguments';
import type { HandlerTable, SessionState } from '../session-state';
import { vmcsBody, vmcsComparison } from '../vmcs-bodies';

function vmcs(session: SessionState, args: RequestArguments): VmcsBody | undefined {
  const { control, run } = session.launched;
  const thread = control.thread(args.integer('threadId'));
  const exit = args.optionalString('exit');
  const moment: VmcsMoment = exit === undefined ? { kind: 'now' } : { kind: 'exit', id: exit };
  const comparison = vmcsComparison(args.optionalString('comparedWith') ?? 'last-stop');
  const describe = (): VmcsBody =>
    vmcsBody(control, control.thread(args.integer('threadId')), moment, comparison);
  const missing = control.vmcs.missing(thread, moment, comparison);
  if (missing.length === 0) return describe();
  return session.later((answer) => {
    const look: Parameters<typeof run.visit>[1] = (at, found) => control.vmcs.keep(at, found);
    run.visit(missing, look, (error) => {
      answer(() => {
        if (error !== undefined) throw error;
        if (control.vmcs.missing(thread, moment, comparison).length > 0) {
          throw new UserError('given-up', 'The way to that exit was given up.');
        }
        return describe();
      });
    });
  });
}

function followVmcs(session: SessionState, args: RequestArguments): undefined {
  session.launched.run.vmcs.comparedWith = args.optionalString('comparedWith');
}

function setVmcsField(session: SessionState, args: RequestArguments): undefined {
  const thread = session.control.thread(args.integer('threadId'));
  session.control.assign(thread, args.string('field'), args.string('value'));
  session.after(() => session.invalidate());
  return undefined;
}

/** Handlers of this group. */
export const vmcsHandlers: HandlerTable = {
  [customRequest.vmcs]: vmcs,
  [customRequest.followVmcs]: followVmcs,
  [customRequest.setVmcsField]: setVmcsField,
};
