import { MAX_AVATAR_BYTES } from '../../src/avatars/svg.js'
import { NS, svg, XLINK, type Hostile } from './helper.js'

/** Documents that are refused for what they contain. */
export const HOSTILE_DOCUMENTS: Hostile[] = [
  ['script', svg('<script>alert(1)</script>'), /element <script>/],
  ['script in mixed case', svg('<ScRiPt>alert(1)</ScRiPt>'), /element <ScRiPt>/],
  [
    'script under a prefix',
    '<x:svg xmlns:x="http://www.w3.org/2000/svg"><x:script>alert(1)</x:script></x:svg>',
    /element <x:script>/
  ],
  [
    'script of XHTML',
    svg('<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>'),
    /element <script>/
  ],
  [
    'script of an unknown namespace',
    svg('<e:script xmlns:e="urn:evil">alert(1)</e:script>'),
    /element <e:script>/
  ],
  ['script with href', svg('<script href="data:,alert(1)"/>'), /element <script>/],
  ['onload on the root', svg('', 'onload="alert(1)"'), /attribute onload/],
  ['onLoad in mixed case', svg('', 'onLoad="alert(1)"'), /attribute onLoad/],
  ['onclick on a path', svg('<path onclick="alert(1)"/>'), /attribute onclick/],
  ['onbegin', svg('<animate onbegin="alert(1)"/>'), /element <animate>/],
  [
    'an event handler under the prefix of SVG',
    `<svg ${NS} xmlns:s="http://www.w3.org/2000/svg" s:onload="alert(1)"/>`,
    /attribute s:onload/
  ],
  ['link', svg('<a href="#x"><text>x</text></a>'), /element <a>/],
  ['javascript: in href', svg('<use href="javascript:alert(1)"/>'), /only to an #id/],
  ['javascript: in xlink:href', svg(`<use ${XLINK} xlink:href="javascript:alert(1)"/>`), /only to an #id/],
  [
    'javascript: in xlink:href behind a good href',
    svg(`<g id="a"/><use ${XLINK} href="#a" xlink:href="javascript:alert(1)"/>`),
    /only to an #id/
  ],
  ['javascript: with an encoded colon', svg('<use href="javascript&#58;alert(1)"/>'), /only to an #id/],
  ['javascript: with encoded letters', svg('<use href="&#106;&#x61;vascript:alert(1)"/>'), /only to an #id/],
  ['javascript: with a tab in it', svg('<use href="java&#9;script:alert(1)"/>'), /only to an #id/],
  ['data: in href', svg('<use href="data:image/svg+xml,&lt;svg/>#x"/>'), /only to an #id/],
  ['href to another file', svg('<use href="other.svg#x"/>'), /only to an #id/],
  ['href to another host', svg('<use href="//evil.example/x.svg#x"/>'), /only to an #id/],
  [
    'xlink under another prefix',
    svg('<use xmlns:q="http://www.w3.org/1999/xlink" q:href="https://evil.example/#x"/>'),
    /only to an #id/
  ],
  [
    'the xlink prefix for another namespace',
    svg('<use xmlns:xlink="urn:evil" xlink:href="#x"/>'),
    /attribute xlink:href/
  ],
  [
    'url() to another host in fill',
    svg('<path fill="url(https://evil.example/#a)"/>'),
    /url\(\) in the attribute fill/
  ],
  [
    'url() to another host in quotes',
    svg('<path fill="url(\'https://evil.example/#a\')"/>'),
    /url\(\) in the attribute fill/
  ],
  ['url() in mixed case', svg('<path fill="uRl(//evil.example)"/>'), /url\(\) in the attribute fill/],
  [
    'url() after a good one',
    svg('<g id="a"/><path fill="url(#a) url(//evil.example)"/>'),
    /url\(\) in the attribute fill/
  ],
  ['url() in filter', svg('<path filter="url(x.svg#f)"/>'), /url\(\) in the attribute filter/],
  [
    'url() in style',
    svg('<path style="fill:url(https://evil.example/)"/>'),
    /url\(\) in the style property fill/
  ],
  ['url() in style, escaped', svg('<path style="fill:\\75 rl(https://evil.example/)"/>'), /must not have/],
  [
    'url() in style, by an entity',
    svg('<path style="fill:&#117;rl(https://evil.example/)"/>'),
    /url\(\) in the style property fill/
  ],
  [
    'url() in style, behind a string with a semicolon',
    svg('<path style="font-family:\'a;fill:url(//evil.example)\'"/>'),
    /must not have/
  ],
  [
    'url() in style, behind a comment',
    svg('<path style="fill:red/*;*/;fill:url(//evil.example)"/>'),
    /must not have/
  ],
  [
    'image-set() in style',
    svg('<path style="mask:image-set(\'//evil.example\' 1x)"/>'),
    /function image-set\(\)/
  ],
  ['src() in style', svg('<path style="fill:src(\'//evil.example\')"/>'), /function src\(\)/],
  ['var() in style', svg('<path style="fill:var(--x)"/>'), /function var\(\)/],
  ['expression() in style', svg('<path style="color:expression(alert(1))"/>'), /function expression\(\)/],
  ['behavior in style', svg('<path style="behavior:url(#x)"/>'), /style property "behavior"/],
  [
    '-moz-binding in style',
    svg('<path style="-moz-binding:url(//evil.example/x.xml#x)"/>'),
    /style property "-moz-binding"/
  ],
  ['custom property in style', svg('<path style="--x:1"/>'), /style property "--x"/],
  ['position in style', svg('<g style="position:fixed"/>'), /style property "position"/],
  ['@import in style', svg('<path style="@import \'//evil.example\'"/>'), /style property "@import/],
  ['a rule in style', svg('<path style="fill:red}*{fill:blue"/>'), /must not have "}"/],
  ['style element', svg('<style>@import url(//evil.example)</style>'), /element <style>/],
  [
    'foreignObject',
    svg('<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'),
    /element <foreignObject>/
  ],
  ['iframe', svg('<iframe xmlns="http://www.w3.org/1999/xhtml" src="//evil.example"/>'), /element <iframe>/],
  ['embed', svg('<embed src="//evil.example"/>'), /element <embed>/],
  ['object', svg('<object data="//evil.example"/>'), /element <object>/],
  ['image', svg('<image href="https://evil.example/pixel.png"/>'), /element <image>/],
  ['image of data:', svg('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'), /element <image>/],
  ['feImage', svg('<filter id="f"><feImage href="https://evil.example/"/></filter>'), /element <feImage>/],
  [
    'costly filter',
    svg('<filter id="f"><feTurbulence numOctaves="1000000"/></filter>'),
    /element <feTurbulence>/
  ],
  [
    'animate of href',
    svg('<use href="#a"><animate attributeName="href" values="javascript:alert(1)"/></use>'),
    /element <animate>/
  ],
  ['animateTransform', svg('<animateTransform attributeName="transform"/>'), /element <animateTransform>/],
  ['set', svg('<set attributeName="onmouseover" to="alert(1)"/>'), /element <set>/],
  [
    'handler',
    svg('<handler xmlns:ev="http://www.w3.org/2001/xml-events" ev:event="load">alert(1)</handler>'),
    /element <handler>/
  ],
  [
    'listener',
    svg('<ev:listener xmlns:ev="http://www.w3.org/2001/xml-events" event="load" handler="#x"/>'),
    /element <ev:listener>/
  ],
  ['audio', svg('<audio src="//evil.example" autoplay="autoplay"/>'), /element <audio>/],
  ['marker', svg('<marker id="m"/>'), /element <marker>/],
  [
    'DOCTYPE',
    `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">${svg('')}`,
    /DOCTYPE/
  ],
  [
    'billion laughs',
    '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">' +
      `<!ENTITY c "&b;&b;&b;&b;&b;">]>${svg('<text>&c;</text>')}`,
    /DOCTYPE/
  ],
  [
    'external entity',
    `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg('<text>&x;</text>')}`,
    /DOCTYPE/
  ],
  ['undeclared entity', svg('<text>&nbsp;</text>'), /well-formed.*undefined entity/],
  ['entity with the name of an object member', svg('<text>&constructor;&__proto__;</text>'), /well-formed/],
  [
    'XInclude',
    svg('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    /element <xi:include>/
  ],
  [
    'xml-stylesheet',
    `<?xml-stylesheet href="//evil.example/x.xsl" type="text/xsl"?>${svg('')}`,
    /instruction <\?xml-stylesheet\?>/
  ],
  ['processing instruction inside', svg('<?php echo 1 ?>'), /instruction <\?php\?>/],
  [
    'processing instruction in metadata',
    svg('<metadata><?php echo 1 ?></metadata>'),
    /instruction <\?php\?>/
  ],
  ['CDATA', svg('<text><![CDATA[</text><script>]]></text>'), /CDATA/],
  ['xml:base', svg('<use href="#x"/>', 'xml:base="https://evil.example/"'), /attribute xml:base/],
  ['xml:id', svg('<g xml:id="x"/>'), /attribute xml:id/],
  ['xml prefix bound anew', svg('', 'xmlns:xml="urn:evil"'), /well-formed/],
  ['unbound prefix', svg('<use xlink:href="#x"/>'), /well-formed.*unbound/],
  ['prefix with the name of an object member', svg('<constructor:g/>'), /well-formed.*unbound/],
  ['duplicate attribute', svg('<path d="M0 0" d="M1 1"/>'), /well-formed.*duplicate/],
  [
    'the same attribute under two prefixes',
    svg(
      '<use xmlns:a="http://www.w3.org/1999/xlink" xmlns:b="http://www.w3.org/1999/xlink" a:href="#x" b:href="#y"/>'
    ),
    /well-formed.*duplicate/
  ],
  ['no root namespace', '<svg><path d="M0 0"/></svg>', /root <svg xmlns/],
  ['foreign root namespace', '<svg xmlns="http://www.w3.org/1999/xhtml"/>', /root <svg xmlns/],
  ['another root', `<g ${NS}/>`, /root <svg xmlns/],
  ['metadata as root', `<metadata ${NS}/>`, /root <svg xmlns/],
  ['two roots', svg('') + svg(''), /well-formed/],
  ['HTML', '<!doctype html><p>x', /well-formed|DOCTYPE/],
  ['JSON', '{"a":1}', /well-formed/],
  ['unclosed element', `<svg ${NS}><g>`, /well-formed/],
  ['unquoted attribute', `<svg ${NS}><g id=a/></svg>`, /well-formed/],
  ['text among shapes', svg('<g>alert(1)</g>'), /text in <g>/],
  ['null byte', svg('<g id="\0"/>'), /well-formed/],
  ['null byte in a name', `<svg ${NS}><scr\0ipt/></svg>`, /well-formed/],
  ['null character by number', svg('<text>&#0;</text>'), /well-formed/],
  ['C0 character', svg('<text>\x08</text>'), /well-formed/],
  ['lone surrogate by number', svg('<text>&#xD800;</text>'), /well-formed/],
  ['XML 1.1', `<?xml version="1.1"?>${svg('<text>&#1;</text>')}`, /well-formed|XML 1.0/],
  ['UTF-7 declared', `<?xml version="1.0" encoding="UTF-7"?>${svg('+ADw-script+AD4-')}`, /UTF-8/],
  ['UTF-16 with BOM', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(svg(''), 'utf16le')]), /UTF-8/],
  ['UTF-16 without BOM', Buffer.from(svg(''), 'utf16le'), /well-formed/],
  ['Latin-1', Buffer.from(svg('<text>Müller</text>'), 'latin1'), /UTF-8/],
  ['overlong UTF-8', Buffer.concat([Buffer.from([0xc0, 0xbc]), Buffer.from('script>')]), /UTF-8/],
  [
    'lone surrogate in UTF-8',
    Buffer.concat([
      Buffer.from(`<svg ${NS}><text>`),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('</text></svg>')
    ]),
    /UTF-8/
  ],
  ['33 KiB', svg(`<text>${'x'.repeat(33 * 1024)}</text>`), /at most 32768 bytes/],
  [
    'one byte too many',
    svg('<text></text>').replace(
      '></text>',
      `>${'x'.repeat(MAX_AVATAR_BYTES + 1 - svg('<text></text>').length)}</text>`
    ),
    /at most 32768 bytes/
  ],
  [
    '32 KiB that grow when written anew',
    svg(`<title>${'>'.repeat(20_000)}</title>`),
    /32768 bytes once written anew/
  ],
  ['10,000 levels', `<svg ${NS}>${'<g>'.repeat(10_000)}`, /more than 64 levels/],
  ['deep metadata', svg(`<metadata>${'<a>'.repeat(5_000)}`), /more than 64 levels/],
  ['3,000 elements', svg('<g/>'.repeat(3_000)), /more than 2000 elements/]
]
