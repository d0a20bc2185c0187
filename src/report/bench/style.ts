/** How a bench's page looks beyond what all pages share: its filter, its drawings, its lines of times. */
export const BENCH_STYLE = `
#result tbody th{max-width:none;white-space:normal}
h4{font-size:.95rem;font-weight:650;margin:1.25rem 0 .4rem}
.bad{color:var(--bad)}.good{color:var(--good)}.muted{color:var(--muted)}
.note{margin-bottom:.9rem}.note p,.note ul{margin:0 0 .3rem;max-width:none}.note ul{padding-left:1.2rem}
.tiles .range{padding-bottom:.3rem}.tiles small{font-size:.6em;font-weight:500}
p.caption{color:var(--muted);font-size:.875rem;line-height:1.45}
[hidden]{display:none!important}
button{font:inherit;font-size:.875rem;color:var(--accent);background:none;border:1px solid var(--line);border-radius:.4rem;padding:.2rem .7rem;cursor:pointer}
button:hover{background:color-mix(in srgb,var(--accent) 8%,transparent)}
.filter.bar{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .8rem;background:var(--bg);border-bottom:1px solid var(--line);padding:.6rem 0;margin-bottom:.9rem;z-index:2}
.filter.bar label{font-weight:650}
.filter.bar input{flex:1 1 14rem;min-width:9rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.3rem .6rem}
.filter.bar output{color:var(--muted);font-size:.9rem}
.jump{display:flex;gap:.9rem;font-size:.9rem;margin-left:auto}.jump a{text-decoration:none}
@media (min-height:30rem){.filter.bar{position:sticky;top:0}}
.facet{display:grid;grid-template-columns:4.5rem minmax(0,1fr);margin:0 0 .35rem}
.facet>span{color:var(--muted);font-size:.875rem;line-height:1.75}
.chips details{margin:0}
.chip{display:inline-block;margin:.1rem .15rem .1rem 0}
.chip input{position:absolute;opacity:0;width:1px;height:1px}
.chip label{display:block;font-size:.82rem;line-height:1.3;border:1px solid var(--line);border-radius:1rem;padding:.12rem .65rem;cursor:pointer}
.chip small{color:var(--muted);font-size:.9em}
.chip input:checked+label{background:var(--accent);border-color:var(--accent);color:var(--bg)}.chip input:checked+label small{color:inherit}
.chip input:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}
h3[id],tr[id]{scroll-margin-top:5rem}
tr:target td,tr:target th{background:color-mix(in srgb,var(--accent) 14%,transparent)}
.legend li{white-space:nowrap}
.phone{display:none}
.plot text{pointer-events:none}
.points a{cursor:pointer}.points a.off{opacity:.1;pointer-events:none}
.points a:hover path,.points a:focus path{stroke:var(--fg);stroke-width:2}
.points a:focus{outline:none}
.tip{position:fixed;z-index:3;max-width:min(24rem,calc(100vw - 1rem));background:var(--fg);color:var(--bg);font-size:.82rem;line-height:1.4;padding:.4rem .65rem;border-radius:.4rem;pointer-events:none}
.tip div:first-child{font-weight:650}
svg.bar{vertical-align:middle}
.bar .track{fill:var(--line)}.bar .fill{fill:var(--c1)}
.bars{list-style:none;padding:0;max-width:none}
.bars li{padding:.3rem 0;border-top:1px solid var(--line)}
.bars p{margin:0;max-width:none;font-size:.9rem;line-height:1.35}
.bars p a{color:inherit;text-decoration:none;font-weight:500}.bars p a:hover{text-decoration:underline}
.bars p span{color:var(--muted);font-size:.8rem;margin-left:.4rem}
.line{display:grid;grid-template-columns:6.5rem minmax(0,1fr) 15.5rem;gap:0 .9rem;align-items:center;font-size:.85rem;line-height:1.35}
.line.failed{grid-template-columns:6.5rem minmax(0,1fr)}
.line svg{width:100%;overflow:visible}
.line .variant{color:var(--muted);overflow:hidden;text-overflow:ellipsis}
.line .figures b{display:inline-block;min-width:5rem;text-align:right;margin-right:.5rem;font-weight:500}
.line .figures span{white-space:nowrap}.line .figures span:not(.bad,.good){color:var(--muted)}
.axis{color:var(--muted);font-size:.78rem}.axis text{fill:currentColor;font-size:.78rem}
.line .grid{stroke:var(--line)}
.line .left{stroke:currentColor;stroke-width:7;stroke-opacity:.22}
.line .ceiling{stroke:var(--fg);stroke-width:1.5}
.line .spread{stroke:currentColor;stroke-width:9;stroke-opacity:.5}
.line .band{stroke:var(--line);stroke-width:18}
.line .interval{stroke:currentColor;stroke-width:2}
.line .median{stroke:currentColor;stroke-width:3}
#figures{font-size:.84rem}
#figures th,#figures td{padding-left:1.1rem}
#figures tbody th{position:sticky;left:0;background:var(--bg);padding-left:0;max-width:20rem;z-index:1}
#figures :is(td,th):is(:nth-child(-n+3),:nth-child(8),:nth-child(11),:nth-child(n+14)){text-align:left}
#figures td:nth-child(11){white-space:normal;min-width:18rem}#figures td:nth-child(15){white-space:normal;min-width:22rem}
#figures thead th:first-child{padding-left:0}
#figures thead button{border:0;padding:0;color:inherit;font:inherit;border-radius:0;text-align:inherit}
#figures thead button::after{content:" ↕";opacity:.35}
#figures [aria-sort=ascending] button::after{content:" ↑";opacity:1}#figures [aria-sort=descending] button::after{content:" ↓";opacity:1}
@media (max-width:48rem){.desk{display:none}.phone{display:block}
.line{grid-template-columns:minmax(0,1fr) auto;gap:0 .6rem}.line svg{grid-column:1/-1;grid-row:2}.line.axis span:first-child{display:none}.line.axis svg{grid-row:1;grid-column:1/-1}.line.axis span{display:none}.line.failed{grid-template-columns:1fr}
.line .figures b{min-width:0}tbody th,#figures tbody th{white-space:normal;min-width:7.5rem;max-width:10.5rem}.bars p span{display:block;margin:0}.words tbody th{min-width:6rem}svg.bar{width:3rem}
.jump{margin-left:0}.filter.bar{padding:.45rem 0}.filter.bar label{display:none}}
@media (min-width:66rem){#entries .scroll{width:max-content;max-width:calc(100vw - 4rem);margin-left:50%;transform:translateX(-50%)}}
@media print{.filter,.more,.tip{display:none!important}#figures{font-size:6.5pt}#figures :is(th,td):nth-child(n){padding-left:.4rem;white-space:normal;min-width:0}#figures :is(th,td):first-child{padding-left:0;position:static}#figures svg{display:none}.bars li{break-inside:avoid}#figures thead button::after{content:none}}
`;
