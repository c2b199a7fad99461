/** The HTML of the VM Exit Log: a strict content security policy, and no data. */

/** Addresses that the page may load from, as the webview names them. */
export interface PageResources {
  readonly cspSource: string;
  readonly script: string;
  readonly style: string;
  readonly icons: string;
  /** Random for each page, 32 letters and digits. */
  readonly nonce: string;
}

export function exitLogPage({ cspSource, script, style, icons, nonce }: PageResources): string {
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
<title>VM Exit Log</title>
<link rel="stylesheet" href="${icons}">
<link rel="stylesheet" href="${style}">
</head>
<body>
<exit-log-app></exit-log-app>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
