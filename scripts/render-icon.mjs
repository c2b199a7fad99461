// Renders media/icon.svg to the 128 by 128 PNG that the marketplace shows; needs Chromium.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './vscode-host/workbench.mjs';

const sizePixels = 128;
/** @param {string} name */
const media = (name) => fileURLToPath(new URL(`../media/${name}`, import.meta.url));

const { browser, page } = await openBrowser({ width: sizePixels, height: sizePixels });
await page.setContent(`<body style="margin:0">${readFileSync(media('icon.svg'), 'utf8')}</body>`);
await page.screenshot({ path: media('icon.png'), omitBackground: true });
await browser.close();
console.log(`media/icon.png: ${sizePixels} by ${sizePixels} pixels`);
