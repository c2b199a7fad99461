// The page's security policy.
import assert from 'node:assert/strict';
import { exitLogPage } from '../../../../src/panels/exit-log/exit-log-page';

const page = exitLogPage({
  cspSource: 'vscode-webview:',
  script: 's.js',
  style: 's.css',
  icons: 'i.css',
  nonce: 'abc123',
});

describe('exitLogPage', () => {
  it('forbids everything by default, inline styles and scripts included', () => {
    const policy = /content="(default-src[^"]*)"/.exec(page)?.[1];
    assert.equal(
      policy,
      "default-src 'none'; script-src 'nonce-abc123'; style-src vscode-webview:; font-src vscode-webview:",
    );
    assert.doesNotMatch(page, /unsafe|<style|style=|onclick/);
  });

  it('runs one script, with the nonce', () => {
    assert.deepEqual(page.match(/<script[^>]*>/g), [
      '<script type="module" nonce="abc123" src="s.js">',
    ]);
  });
});
