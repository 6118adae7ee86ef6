#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts test cases in meson's JSON log or in TAP, shows what went wrong.

tally.py TOTALS GROUP FILE…   appends "PASSED FAILED SKIPPED" to TOTALS

A program that reports its cases (TAP, or GStreamer's check) counts with each
of them, any other as one.
"""
import json
import re
import sys

TAP = re.compile(r'^( *)(not )?ok\b(?: \d+)?(?: -)? ?([^#\n]*?)'
                 r'\s*(?:# (SKIP|TODO)\b\s*(.*?))?\s*$', re.M | re.I)
CHECK = re.compile(r'^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)',
                   re.M)


def tap_cases(text):
    """(name, outcome, reason) of each innermost case of a TAP text."""
    cases, before, inner_failed = [], 0, False
    for match in TAP.finditer(text):
        depth, failed = len(match[1]), bool(match[2])
        # A line under deeper ones sums them up; node writes those first.
        sums_up = before > depth
        before = depth
        if sums_up and (not failed or inner_failed):
            inner_failed = inner_failed and depth > 0
            continue
        inner_failed = depth > 0 and (inner_failed or failed)
        skipped = (match[4] or '').upper() == 'SKIP'
        outcome = 'skipped' if skipped else 'failed' if failed else 'passed'
        cases.append((match[3], outcome, match[5] or ''))
    return cases


def meson_cases(test):
    name, result = test['name'], test['result']
    out = test.get('stdout') or ''
    bad = result not in ('OK', 'EXPECTEDFAIL', 'SKIP')
    cases = [(f'{name}: {case}', outcome, why)
             for case, outcome, why in tap_cases(out)]
    check = CHECK.findall(out)
    if not cases and check:
        checks, failures, errors = (sum(map(int, c)) for c in zip(*check))
        wrong = min(checks, failures + errors)
        cases = ([(name, 'passed', '')] * (checks - wrong)
                 + [(name, 'failed', '')] * wrong)
    if result == 'SKIP' and not cases:
        why = (out + (test.get('stderr') or '')).strip().splitlines()
        return [(name, 'skipped', why[-1] if why else 'no reason given')]
    if not cases:
        return [(name, 'failed' if bad else 'passed', result.lower())]
    if bad and not any(case[1] == 'failed' for case in cases):
        cases.append((name, 'failed', f'ended badly: {result.lower()}'))
    return cases


def tail(text, lines=60):
    return '\n'.join('    ' + line for line in text.splitlines()[-lines:])


def main():
    totals, group, *files = sys.argv[1:]
    cases = []
    for path in files:
        with open(path, encoding='utf-8', errors='replace') as log:
            text = log.read()
        if path.endswith('.json'):
            for line in text.splitlines():
                test = json.loads(line)
                mine = meson_cases(test)
                cases += mine
                if any(case[1] == 'failed' for case in mine):
                    print(f'--- {group}: {test["name"]}: output')
                    print(tail(test.get('stdout') or ''))
                    print(tail(test.get('stderr') or ''))
        else:
            mine = tap_cases(text)
            cases += mine
            if any(case[1] == 'failed' for case in mine):
                print(f'--- {group}: {path}: output')
                print(tail(text, 150))
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for name, outcome, why in cases:
        counts[outcome] += 1
        if outcome != 'passed':
            print(f'{group}: {outcome}: {name}' + (f' ({why})' if why else ''))
    with open(totals, 'a', encoding='utf-8') as out:
        print(*counts.values(), file=out)
    print(f'{group}: ' + ', '.join(f'{n} {what}' for what, n in counts.items()))


if __name__ == '__main__':
    main()
