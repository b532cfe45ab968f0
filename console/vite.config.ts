import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { mantineStyles } from './mantineStyles.ts';
import { packed } from './packed.ts';
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

export default defineConfig({
  plugins: [react(), mantineStyles(), staticTheme(), packed()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 1200, reportCompressedSize: false },
  server: { proxy: { '/api': GATEWAY } },
  test: { include: ['src/**/*.test.ts'] },
});
