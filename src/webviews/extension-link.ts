/** A page's end of the message channel to the extension. */

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** The channel of one page: `Sent` goes to the extension, `Received` comes from it. */
export interface ExtensionLink<Sent, Received> {
  send(message: Sent): void;
  onMessage(receive: (message: Received) => void): void;
  keptState(): unknown;
  keepState(state: unknown): void;
}

/** May be called once in a page: VS Code hands its interface out only once. */
export function connectToExtension<Sent, Received>(): ExtensionLink<Sent, Received> {
  const api = acquireVsCodeApi();
  return {
    send: (message) => api.postMessage(message),
    onMessage: (receive) =>
      window.addEventListener('message', (event: MessageEvent<Received>) => receive(event.data)),
    keptState: () => api.getState(),
    keepState: (state) => api.setState(state),
  };
}
