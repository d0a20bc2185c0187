/** The page begins here: the device and the weights are on their way before anything is drawn. */
import { render } from 'preact';
import { App } from './app.tsx';
import { begin } from './state.ts';

void begin();
render(<App />, document.querySelector('#page')!);

// Only secure pages have it, and a page without it works as well, but not without a network.
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('./sw.js');
