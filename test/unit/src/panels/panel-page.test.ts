// The page's security policy.
import assert from 'node:assert/strict';
import { panelPage } from '../../../../src/panels/panel-page';

const page = panelPage(
  { title: 'Log', element: 'the-log' },
  {
    cspSource: 'vscode-webview:',
    script: 's.js',
    style: 's.css',
    icons: 'i.css',
    nonce: 'abc123',
  },
);

describe('panelPage', () => {
  it('forbids everything by default, inline styles and scripts included', () => {
    const policy = /content="(default-src[^"]*)"/.exec(page)?.[1];
    assert.equal(
      policy,
      "default-src 'none'; script-src 'nonce-abc123'; style-src vscode-webview:; font-src vscode-webview:",
    );
    assert.doesNotMatch(page, /unsafe|<style|style=|onclick/);
  });

  it('is one element', () => {
    assert.match(page, /<title>Log<\/title>/);
    assert.match(page, /<body>\n<the-log><\/the-log>\n<script/);
  });

  it('runs one script, with the nonce', () => {
    assert.deepEqual(page.match(/<script[^>]*>/g), [
      '<script type="module" nonce="abc123" src="s.js">',
    ]);
  });
});
