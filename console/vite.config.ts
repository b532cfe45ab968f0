import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { mantineStyles } from './mantineStyles.ts';
import { packed } from './packed.ts';
import { preloaded } from './preloaded.ts';
import { themeCss } from './staticTheme.ts';

const GATEWAY = process.env.CONSOLE_GATEWAY ?? 'http://127.0.0.1:9090';

/** Gives `virtual:theme.css`: Mantine's variables as a file, so that the page needs no inline style element. */
function staticTheme(): Plugin {
  const id = 'virtual:theme.css';
  return {
    name: 'static-theme',
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (resolved) => (resolved === `\0${id}` ? themeCss() : null),
  };
}

/**
 * What pages have in common is one script, theirs and libraries', and not a dozen: a browser opens six connections to a
 * gateway. What the smallest script needs, which asks for all the others, is not in it.
 */
const sharedScripts = {
  groups: [{ name: 'shared', test: /node_modules|src\/(api|model|parts)\/(?!client\.ts)/, minShareCount: 2 }],
  includeDependenciesRecursively: false,
};

export default defineConfig({
  plugins: [react(), mantineStyles(), staticTheme(), preloaded('start'), packed()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 1200, reportCompressedSize: false, rolldownOptions: { output: { codeSplitting: sharedScripts } } },
  server: { proxy: { '/api': GATEWAY } },
  test: { include: ['src/**/*.test.ts'] },
});
