/** How the page looks: one column, figures that align, light and dark by what the reader's system says, paper white. */

/** Colours by the names that charts use, on light pages and on dark ones. */
export const LIGHT = `--bg:#fff;--fg:#1d2329;--muted:#5a6570;--line:#dfe3e8;--card:#f6f7f9;--accent:#0b5fa5;--good:#1a7f4b;--bad:#b3421b;
--c1:#0072b2;--c2:#d55e00;--c3:#00875f;--c4:#a8508a;--c5:#8a6d00;--c6:#6b7680`;
export const DARK = `--bg:#14171b;--fg:#e6e9ed;--muted:#9aa5b1;--line:#2e353c;--card:#1c2127;--accent:#7cc0f5;--good:#4cc38a;--bad:#f0916b;
--c1:#5fb4ea;--c2:#f39355;--c3:#45cfa0;--c4:#dd9bc4;--c5:#e2c64f;--c6:#98a3ae`;

/** The shares of a row of the confusion matrix, in tenths. */
const SHADES = Array.from(
  { length: 11 },
  (_, tenth) =>
    `.matrix .right.h${tenth}{background:color-mix(in srgb,var(--c1) ${tenth * 6}%,transparent)}.matrix .wrong.h${tenth}{background:color-mix(in srgb,var(--c2) ${tenth * 6}%,transparent)}`,
).join('\n');
const KEYS = Array.from(
  { length: 6 },
  (_, i) => `.k${i + 1}::before{background:var(--c${i + 1})}.t${i + 1}{color:var(--c${i + 1})}`,
).join('');

export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header,nav,main,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:3rem}
h1{font-size:1.9rem;line-height:1.2;font-weight:650;letter-spacing:-.01em;margin:0 0 .75rem}
h2{font-size:1.3rem;font-weight:650;margin:0 0 .9rem}
h3{font-size:1rem;font-weight:650;margin:0 0 .5rem}
section{padding:2.25rem 0;border-top:1px solid var(--line)}
section:first-of-type{border-top:0;padding-top:1.5rem}
section>h3{margin-top:1.75rem}
p,ul,ol{max-width:46rem;margin:0 0 .9rem}
header p{color:var(--muted);margin:0 0 .35rem}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:2px}
.skip{position:absolute;left:-100vw;top:.5rem;padding:.5rem .9rem;background:var(--card);border-radius:.4rem}
.skip:focus{left:.75rem}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1.25rem 0 0;padding:.75rem 0;border-block:1px solid var(--line);max-width:none;font-size:.9rem}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
.tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,11rem),1fr));gap:.9rem;padding:0;margin:0 0 1.4rem;max-width:none}
.tiles li{background:var(--card);border-radius:.6rem;padding:1rem 1.1rem .6rem;display:flex;flex-direction:column}
.tiles .name{color:var(--muted);font-size:.9rem}
.tiles strong{font-size:1.75rem;line-height:1.3;font-weight:650;letter-spacing:-.01em}
.tiles .range{color:var(--muted);font-size:.85rem}
.tiles svg{margin-top:.4rem}
.checkpoint{padding:.7rem .9rem;background:var(--card);border-left:3px solid var(--accent);border-radius:.2rem;max-width:none}
.note{padding:.7rem .9rem;background:color-mix(in srgb,var(--c2) 10%,var(--bg));border-left:3px solid var(--c2);border-radius:.2rem;max-width:none}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.75rem 2rem;margin:1.25rem 0}
figure{margin:0 0 1.25rem;min-width:0;max-width:31rem}
.charts figure{margin:0}
figcaption{color:var(--muted);font-size:.875rem;line-height:1.45;margin:.4rem 0 .5rem}
.plot{display:block;width:100%;height:auto;overflow:visible;font-size:12px}
.plot text,.plot tspan{white-space:pre}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;padding:0;margin:0 0 .5rem;font-size:.875rem}
.legend li::before{content:"";display:inline-block;width:1.1rem;height:3px;margin-right:.45rem;vertical-align:.25em;border-radius:2px}
${KEYS}
.legend.signs li::before{content:none}
.legend .dashed::before{-webkit-mask:repeating-linear-gradient(90deg,#000 0 5px,transparent 5px 8px);mask:repeating-linear-gradient(90deg,#000 0 5px,transparent 5px 8px)}
.scroll{overflow-x:auto;margin:0 0 1.25rem;max-width:100%}
table{border-collapse:collapse;font-size:.9rem;min-width:min(100%,22rem)}
caption{text-align:left;color:var(--muted);font-size:.875rem;padding:0 0 .4rem}
caption span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 2rem)}
th,td{padding:.32rem 0 .32rem 1.4rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);overflow-wrap:normal}
thead th{color:var(--muted);font-weight:500;vertical-align:bottom}
tbody th{text-align:left;font-weight:500;max-width:22rem;overflow:hidden;text-overflow:ellipsis}
th:first-child{padding-left:0}thead th:first-child{text-align:left}
.words td,.words th{text-align:left;white-space:normal;overflow-wrap:anywhere;vertical-align:top}
.words tbody th{color:var(--muted);font-weight:400;min-width:9rem}
.words{width:100%}
tr:hover td,tr:hover th{background:color-mix(in srgb,var(--accent) 5%,transparent)}
.badge{font-size:.75rem;color:var(--good);border:1px solid;border-radius:1rem;padding:0 .45rem;margin-left:.3rem;font-weight:500}
.matrix td,.matrix thead th{padding:.2rem}
.matrix td{text-align:center;border:0}.matrix thead th{text-align:center;max-width:8rem;overflow:hidden;text-overflow:ellipsis}
.matrix tbody th{padding-right:1rem;border:0}
.matrix td span{display:block;min-width:3.2rem;padding:.55rem .5rem;border-radius:.3rem}
${SHADES}
.pictures{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,13.5rem),1fr));gap:1.1rem;padding:0;max-width:none}
.pictures div{display:flex;gap:3px;border-radius:.4rem;overflow:hidden}
.pictures img{display:block;flex:1 1 0;min-width:0;width:100%;max-width:11rem;height:auto;aspect-ratio:1;object-fit:contain}
.pictures li{border-top:3px solid var(--bad);padding-top:.45rem}.pictures .right{border-color:var(--good)}
.pictures p{margin:.4rem 0 0;font-size:.875rem;line-height:1.4}
.pictures .file{color:var(--muted);font-size:.8rem;margin:.1rem 0 0}.file summary{color:inherit;font-size:inherit;padding:0}
details{margin:0 0 1rem}summary{cursor:pointer;color:var(--accent);font-size:.9rem;padding:.2rem 0}
details[open] summary{margin-bottom:.5rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
pre{background:var(--card);padding:.75rem 1rem;border-radius:.4rem;overflow-x:auto;margin:0 0 1.1rem}
pre code{white-space:pre-wrap}
td .key,th .key{display:inline-block;min-width:17rem;text-align:left;white-space:normal}
.network text{font-size:11px}
.names{columns:12rem;font-size:.875rem;max-width:none}
.slider{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;padding:.8rem 1rem;background:var(--card);border-radius:.6rem;margin:0 0 1.25rem}
.slider[hidden]{display:none}
.slider input{flex:1 1 14rem;min-width:10rem;accent-color:var(--accent)}
.slider output{flex:1 0 100%;min-height:1.5em}
footer{color:var(--muted);font-size:.85rem;padding-top:1.5rem;padding-bottom:3rem;border-top:1px solid var(--line)}
@media (max-width:30rem){header,nav,main,footer{padding-left:1rem;padding-right:1rem}header{padding-top:1.75rem}h1{font-size:1.5rem}.tiles{grid-template-columns:1fr 1fr}.tiles li{padding:.8rem .8rem .5rem}.tiles strong{font-size:1.4rem}.pictures{grid-template-columns:1fr 1fr;gap:.8rem}}
@media print{:root{color-scheme:light;${LIGHT}}nav,.skip,.slider,details:not(.file){display:none}section{break-inside:auto}figure,.pictures li,tr{break-inside:avoid}.scroll{overflow:visible}body{font-size:11pt}}
`;
