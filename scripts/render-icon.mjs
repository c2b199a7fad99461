// Renders media/icon.svg to the 128 by 128 PNG that the marketplace shows; needs Chromium.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumAdvice, findChromium } from './vscode-host/chromium.mjs';

const sizePixels = 128;
/** @param {string} name */
const media = (name) => fileURLToPath(new URL(`../media/${name}`, import.meta.url));

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(chromiumAdvice);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: sizePixels, height: sizePixels } });
await page.setContent(`<body style="margin:0">${readFileSync(media('icon.svg'), 'utf8')}</body>`);
await page.screenshot({ path: media('icon.png'), omitBackground: true });
await browser.close();
console.log(`media/icon.png: ${sizePixels} by ${sizePixels} pixels`);
