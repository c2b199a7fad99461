/** What this adapter can do, as told to the client. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { exceptionFilters } from './exception-filters';

/** Answer to `initialize`. */
export const capabilities: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsInstructionBreakpoints: true,
  supportsBreakpointLocationsRequest: true,
  exceptionBreakpointFilters: exceptionFilters.map(({ filter, label, description, byDefault }) => ({
    filter,
    label,
    description,
    default: byDefault,
  })),
  supportsExceptionInfoRequest: true,
  supportsEvaluateForHovers: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['$', '[', '&'],
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsClipboardContext: true,
  supportsSteppingGranularity: true,
  supportsStepBack: true,
  supportsCancelRequest: true,
  supportsDisassembleRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsLoadedSourcesRequest: true,
  supportsRestartRequest: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: true,
};
