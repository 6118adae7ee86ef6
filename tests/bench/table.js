// SPDX-License-Identifier: LGPL-2.1-or-later

/** Medians and summaries of measured times. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and largest of a series of times. */
export function summary(values) {
  return { median: Math.round(median(values)),
    min: Math.round(Math.min(...values)),
    max: Math.round(Math.max(...values)) };
}

export function printTable(title, rows) {
  const names = Object.keys(rows[0]);
  const cells = [names, ...rows.map(row => names.map(n => String(row[n])))];
  const widths = names.map((_, i) => Math.max(...cells.map(r => r[i].length)));
  console.log(`\n${title}\n`);
  cells.forEach((row, i) => {
    console.log('| ' + row.map((c, j) => c.padEnd(widths[j])).join(' | ') +
      ' |');
    if (i === 0)
      console.log('|' + widths.map(w => '-'.repeat(w + 2)).join('|') + '|');
  });
}
