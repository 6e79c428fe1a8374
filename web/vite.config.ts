import react from '@vitejs/plugin-react';
import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const SERVER = process.env.ZOETROPE_URL ?? 'http://127.0.0.1:8080';

/** While developing, the running server still writes head and boot data; only the scripts come from here. */
function fromServer(): Plugin {
  return {
    name: 'zoetrope-page', apply: 'serve',
    transformIndexHtml: {
      order: 'pre',
      async handler(html, { originalUrl }) {
        const page = await fetch(SERVER + (originalUrl ?? '/')).then(answer => answer.text());
        const between = (from: string, to: string): string => page.split(from)[1]?.split(to)[0] ?? '';
        return html.replace('{{lang}}', between('<html lang="', '"'))
          .replace('<!--head-->', `<link rel="stylesheet" href="/theme.css">`)
          .replace('<!--boot-->', between('id="boot">', '</script>'));
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), fromServer()],
  resolve: {
    alias: {
      '@zoetrope/client': resolve(import.meta.dirname, '../clients/js/src/index.ts'),
      // Radix locks scrolling with a <style> that our Content-Security-Policy refuses
      'react-remove-scroll': resolve(import.meta.dirname, 'src/ui/scroll-lock.tsx'),
    },
  },
  server: { proxy: Object.fromEntries(['/v1', '/theme.css', '/product', '/openapi.json'].map(path => [path, SERVER])) },
  build: {
    target: ['es2020', 'chrome86', 'safari14'], cssTarget: ['chrome86', 'safari14'], assetsDir: 'static', modulePreload: { polyfill: false }, assetsInlineLimit: 0,
    reportCompressedSize: false, chunkSizeWarningLimit: 1000,
  },
});
