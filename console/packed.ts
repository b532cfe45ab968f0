/** Writes each script and style a second time, packed: the gateway sends it as it is, and packs nothing while a page waits. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

export function packed(): Plugin {
  return {
    name: 'packed',
    // What is on the disk: until then, other plugins still change it.
    writeBundle({ dir = 'dist' }, bundle) {
      for (const path of Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name)).map((name) => join(dir, name))) {
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}
