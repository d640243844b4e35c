// SPDX-License-Identifier: Apache-2.0
// Draws pictures of boxes and arrows: node deploy/docs/draw.mjs FOLDER call makes FOLDER/call.svg of call.yaml.
import { readFileSync, writeFileSync } from 'node:fs';

import { parse } from 'yaml';

const lineHeight = 18;
const fills = { agent: '#eef2ff', container: '#ecfdf5', kernel: '#f3f4f6', handler: '#fef3c7' };

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const textAt = ([x, y], text, style = '') =>
  `<text x="${x}" y="${y}"${style === '' ? '' : ` class="${style}"`}>${escaped(text)}</text>`;

const rectangle = ([x, y], [width, height], style) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" ${style}/>`;

function frame({ at: [x, y], size, text }) {
  const style = 'fill="none" stroke="#6366f1" stroke-dasharray="5 4"';
  return [rectangle([x, y], size, style), textAt([x + size[0] / 2, y + 20], text, 'frame')];
}

function box({ at: [x, y], size: [width, height], text, kind = 'agent' }) {
  const top = y + (height - lineHeight * (text.length - 1)) / 2 + 5;
  return [
    rectangle([x, y], [width, height], `fill="${fills[kind]}" stroke="#374151"`),
    ...text.map((line, index) =>
      textAt([x + width / 2, top + index * lineHeight], line, index === 0 ? 'name' : ''),
    ),
  ];
}

function arrow({ way, text = [], at: [x, y] = [0, 0] }) {
  const points = way.map((point) => point.join(',')).join(' ');
  return [
    `<polyline points="${points}" fill="none" stroke="#374151" marker-end="url(#tip)"/>`,
    ...text.map((line, index) => textAt([x, y + index * lineHeight], line, 'note')),
  ];
}

function pictureOf(name) {
  const { title, size, frames, boxes, arrows } = parse(
    readFileSync(new URL(`${name}.yaml`, import.meta.url), 'utf8'),
  );
  const [width, height] = size;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>',
    'text { font: 13px sans-serif; fill: #111827; text-anchor: middle }',
    '.name { font-weight: bold } .note { font-size: 12px } .frame { fill: #4338ca }',
    '</style>',
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#374151"/></marker></defs>',
    rectangle([0, 0], size, 'fill="#ffffff"'),
    ...frames.flatMap(frame),
    ...boxes.flatMap(box),
    ...arrows.flatMap(arrow),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

const [folder, ...names] = process.argv.slice(2);
for (const name of names) writeFileSync(`${folder}/${name}.svg`, pictureOf(name));
