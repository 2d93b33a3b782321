import { NS, XLINK } from './helper.js'

/** What Inkscape 1.3 writes: a declaration, comments, metadata and its own notes. */
export const INKSCAPE = `\ufeff<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- Created with Inkscape (http://www.inkscape.org/) -->
<svg width="64" height="64" viewBox="0 0 64 64" version="1.1" id="svg5"
  inkscape:version="1.3" sodipodi:docname="a.svg"
  xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
  xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"
  ${XLINK} ${NS} xmlns:svg="http://www.w3.org/2000/svg" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <sodipodi:namedview id="namedview7" pagecolor="#ffffff"><inkscape:grid type="xygrid"/></sodipodi:namedview>
  <metadata id="m"><rdf:RDF><script>alert(1)</script></rdf:RDF></metadata>
  <defs id="defs2"><linearGradient id="a">
    <stop style="stop-color:#ff0000;stop-opacity:1;" offset="0"/></linearGradient>
    <linearGradient inkscape:collect="always" xlink:href="#a" id="b" x1="0"
      gradientUnits="userSpaceOnUse"/></defs>
  <svg:g inkscape:label="Layer 1" inkscape:groupmode="layer" id="layer1"
    class="x" data-name="y" aria-label="z">
    <path style="fill:url(#b);stroke:none;-inkscape-stroke:none" d="m 1.5,2
      -3e-2,4 z" sodipodi:nodetypes="ccc"/>
  </svg:g>
</svg>`

/** Pictures as well-known tools write them; all pass unchanged. */
export const PICTURES: Record<string, string> = {
  twemoji:
    '<path fill="#FFCC4D" d="M36 18c0 9.941-8.059 18-18 18S0 27.941 0 18 8.059 0 18 0s18 8.059 ' +
    '18 18"/>' +
    '<ellipse fill="#664500" cx="11.5" cy="12.5" rx="2.5" ry="5.5"/>',
  multiavatar:
    '<path d="M33.83,33.92a115.5,115.5 0 1 0 1,163Z" style="fill:#ff005f"/>' +
    '<path d="m115.5 51.75a63.75 63.75 0 0 0-10.5 126.63v14.09z" ' +
    'style="fill:#ffce8b;stroke-width:5.8px;stroke-linejoin:round"/>',
  figma:
    '<g filter="url(#f)">' +
    '<path fill-rule="evenodd" clip-rule="evenodd" d="M1 1h2v2z" fill="url(#p)" ' +
    'fill-opacity="0.5"/>' +
    '</g>' +
    '<mask id="k" style="mask-type:alpha" maskUnits="userSpaceOnUse" x="0" y="0" width="9" ' +
    'height="9">' +
    '<circle cx="4" cy="4" r="4" fill="white"/></mask>' +
    '<g mask="url(#k)" clip-path="url(#c)" style="mix-blend-mode:multiply">' +
    '<use href="#s" transform="rotate(-45 3,4) translate(1 2)"/></g><defs>' +
    '<filter id="f" x="0" y="0" filterUnits="userSpaceOnUse" color-interpolation-filters="sRGB">' +
    '<feFlood flood-opacity="0" result="BackgroundImageFix"/>' +
    '<feColorMatrix in="SourceAlpha" type="matrix" values="0 0 0 0 0 0 0 0 127 0"/>' +
    '<feOffset dy="4"/><feGaussianBlur stdDeviation="2"/>' +
    '<feBlend mode="normal" in2="BackgroundImageFix"/></filter>' +
    '<radialGradient id="p" cx="0" cy="0" r="1" gradientTransform="matrix(1 0 0 1 2 3)">' +
    '<stop offset="50%" stop-color="rgb(1, 2, 3)"/></radialGradient><clipPath id="c">' +
    '<rect width="9" height="9"/></clipPath><symbol id="s" viewBox="0 0 1 1">' +
    '<polygon points="0,0 1,1 1,0"/></symbol></defs>',
  inkscape:
    '<path style="stroke:none;stroke-dasharray:none"/><path stroke-dasharray="0"/>',
  text:
    '<title>Ünï &amp; &lt;cödé&gt; &quot;\'</title>' +
    '<text x="1" xml:space="preserve" font-family="Arial, \'Noto Sans\'"> 👩‍👩‍👧 <tspan ' +
    'dy="1">x</tspan>&#13; </text>'
}

/** A shadow as Figma writes it. */
export const SHADOW =
  '<feFlood flood-opacity="0" result="a"/>' +
  '<feColorMatrix in="SourceAlpha" type="matrix" values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 127 ' +
  '0" result="hardAlpha"/>' +
  '<feOffset dy="4"/><feGaussianBlur stdDeviation="2"/>' +
  '<feComposite in2="hardAlpha" operator="out"/>' +
  '<feColorMatrix type="matrix" values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.25 0"/>' +
  '<feBlend mode="normal" in2="a" result="b"/>' +
  '<feBlend mode="normal" in="SourceGraphic" in2="b" result="shape"/>'
