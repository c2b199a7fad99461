/** The page's end of the message channel to the extension. */
import type { ToExtension, ToPage } from '../../panels/exit-log/exit-log-messages';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface ExtensionLink {
  send(message: ToExtension): void;
  onMessage(receive: (message: ToPage) => void): void;
  keptState(): unknown;
  keepState(state: unknown): void;
}

/** May be called once in a page: VS Code hands its interface out only once. */
export function connectToExtension(): ExtensionLink {
  const api = acquireVsCodeApi();
  return {
    send: (message) => api.postMessage(message),
    onMessage: (receive) =>
      window.addEventListener('message', (event: MessageEvent<ToPage>) => receive(event.data)),
    keptState: () => api.getState(),
    keepState: (state) => api.setState(state),
  };
}
