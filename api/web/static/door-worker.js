// Keeps the page of a door's display and what it is drawn with, so that the tablet starts without a link. From the
// network first: a page out of the store is shown only where nothing else comes.
"use strict";

const STORE = "door-1";
const PATIENCE_MS = 8_000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const asked = new URL(event.request.url);
  if (event.request.method !== "GET" || asked.origin !== location.origin || asked.pathname.endsWith("/day")) return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const store = await caches.open(STORE);
  try {
    const came = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (came.ok) await store.put(request, came.clone());
    if (came.status === 404) await store.delete(request);
    return came;
  } catch (error) {
    const kept = await store.match(request);
    if (kept) return kept;
    throw error;
  }
}
