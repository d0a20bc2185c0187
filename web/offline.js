/**
 * The service worker: after the first visit the page works without a network. What it needs to run is kept when it is
 * installed; what a reader asked for (sources, fixtures) is kept from then on. Names of files hold their hashes, so that
 * what is kept never ages but for the page itself, which is asked for first. The weights keep themselves.
 */
const CACHE = `tessera-page-${'VERSION'}`;
const FILES = ['FILES'];

addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
});

addEventListener('activate', (event) => {
  const old = (name) => name.startsWith('tessera-page-') && name !== CACHE;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || pathname.endsWith('.safetensors')) return;
  event.respondWith(request.mode === 'navigate' ? freshest(request) : kept(request));
});

/** The page from the network, else as it was kept. */
async function freshest(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const page = await caches.match('./');
    if (page) return page;
    throw error;
  }
}

async function kept(request) {
  const known = await caches.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    const cache = await caches.open(CACHE);
    await cache.put(request, answer.clone());
  }
  return answer;
}
