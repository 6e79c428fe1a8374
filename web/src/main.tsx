/** In the browser: takes over the first screen that the server wrote, or draws the page anew. */
import './styles.css';        // first: what stands behind it may say otherwise
import { createRoot, hydrateRoot } from 'react-dom/client';
import { App, newCache } from './app';
import { connect } from './lib/api';
import { readBoot } from './lib/boot';
import { preferredLang } from './words';
import { adoptSession } from './lib/session';

async function begin(): Promise<void> {
  const boot = readBoot(), root = document.getElementById('root');
  if (!root) return;
  connect(boot.api);
  await adoptSession();
  // served from elsewhere, nobody has looked at what the visitor prefers
  const lang = boot.api ? preferredLang(boot.lang) : boot.lang, app = <App boot={{ ...boot, lang }} cache={newCache()} />;
  if (location.pathname === '/' && lang === boot.lang && root.firstElementChild) hydrateRoot(root, app);
  else createRoot(root).render(app);
}

void begin();
