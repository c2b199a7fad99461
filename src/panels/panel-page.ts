/** The HTML of a panel: a strict content security policy, one element, and no data. */

/** Addresses that a page may load from, as the webview names them. */
export interface PageResources {
  readonly cspSource: string;
  readonly script: string;
  readonly style: string;
  readonly icons: string;
  /** Random for each page, 32 letters and digits. */
  readonly nonce: string;
}

/** What the page shows. */
export interface PageContent {
  readonly title: string;
  /** Name of the custom element that is the whole page. */
  readonly element: string;
}

export function panelPage(
  { title, element }: PageContent,
  { cspSource, script, style, icons, nonce }: PageResources,
): string {
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource}`,
    `font-src ${cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${icons}">
<link rel="stylesheet" href="${style}">
</head>
<body>
<${element}></${element}>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
