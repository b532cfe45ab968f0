/** Names the application's scripts in the page itself: they are on their way while the first script, which asks for data, is read. */
import type { HtmlTagDescriptor, Plugin } from 'vite';

export function preloaded(entry: string): Plugin {
  return {
    name: 'preloaded',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_, { bundle = {} }) => {
        const wanted = new Set<string>();
        const want = (name: string) => {
          const chunk = bundle[name];
          if (wanted.has(name) || chunk?.type !== 'chunk') return;
          wanted.add(name);
          chunk.imports.forEach(want);
        };
        for (const [name, chunk] of Object.entries(bundle)) {
          if (chunk.type === 'chunk' && chunk.name === entry) want(name);
        }
        if (wanted.size === 0) throw new Error(`no script is called ${entry}`);
        return [...wanted].map((name): HtmlTagDescriptor => ({
          tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `/${name}` }, injectTo: 'head',
        }));
      },
    },
  };
}
